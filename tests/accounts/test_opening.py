"""Opening a book splits the lump sum to the cent; what may be spent of an account."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alluse_assets.accounts.allocation import open_book, split
from alluse_assets.accounts.deployable import deployable, valuation
from alluse_assets.base.config.config_manager import fingerprint, with_values
from alluse_assets.base.config.model_protocol import ProtocolConfig
from alluse_assets.base.errors import MissingDataError
from alluse_assets.ledger.book_fold import fold
from tests.execution.scene import ACCOUNT, PUT, Scene, buy_shares, sell_put

CONFIG = ProtocolConfig()
AT = datetime(2011, 1, 3, 14, 30, tzinfo=UTC)


def test_a_million_is_split_forty_thirty_thirty():
    assert split(Decimal("1000000.00"), CONFIG) == {
        "gen": Decimal("400000.00"),
        "rev": Decimal("300000.00"),
        "com": Decimal("300000.00"),
    }


@given(st.decimals(100_000, 10_000_000, places=2))
def test_the_parts_add_up_to_the_cent(lump_sum):
    parts = split(lump_sum, CONFIG)
    assert sum(parts.values()) == lump_sum
    assert all(part == part.quantize(Decimal("0.01")) for part in parts.values())


def test_the_first_event_keeps_the_whole_configuration_and_what_does_not_act_yet():
    opened, *accounts = open_book(CONFIG, "default", date(2011, 1, 3), AT)
    assert opened.payload["config_fingerprint"] == fingerprint(CONFIG)
    assert opened.payload["config"]["accounts"]["gen"]["puts"]["delta_low"] == "40"
    assert "forks and merges" in opened.payload["rules_not_active"]
    state = fold([opened, *accounts])
    assert {name: account.cash for name, account in state.accounts.items()} == {
        "GEN-1": Decimal("400000.00"),
        "REV-1": Decimal("300000.00"),
        "COM-1": Decimal("300000.00"),
    }


def test_a_kind_without_a_share_gets_no_account():
    config = with_values(CONFIG, {"book.split.gen": 0.5, "book.split.rev": 0.5, "book.split.com": 0})
    assert [e.payload["account"] for e in open_book(config, "x", date(2011, 1, 3), AT)[1:]] == [
        "GEN-1",
        "REV-1",
    ]


def test_nav_is_cash_and_shares_less_short_options_at_the_mark():
    scene = Scene()
    scene.engine.place(buy_shares(100))
    scene.engine.place(sell_put(2))
    values = valuation(scene.account, {"AAPL": Decimal("340.00")}, {PUT: Decimal("1.2500")}, 100)
    assert values["shares_value"] == Decimal("34000.00")
    assert values["short_options_value"] == Decimal("-250.00")
    assert values["nav"] == scene.account.cash + Decimal("34000.00") - Decimal("250.00")


def test_a_position_without_a_price_is_an_error_that_names_it():
    scene = Scene()
    scene.engine.place(buy_shares(100))
    with pytest.raises(MissingDataError, match=f"account {ACCOUNT} holds AAPL, which has no price"):
        valuation(scene.account, {}, {}, 100)


def test_deployable_leaves_out_buffer_collateral_and_what_orders_reserve_and_is_never_negative():
    scene = Scene()
    scene.engine.place(sell_put())
    cash = scene.account.cash
    free = deployable(scene.account, Decimal("100000.00"), 0.05, 100)
    assert free == cash - Decimal("5000.00") - Decimal("33000")
    assert deployable(scene.account, Decimal("10000000.00"), 0.05, 100) == 0
