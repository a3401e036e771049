from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alluse_assets.base.config.config_manager import with_values
from alluse_assets.base.config.model_protocol import ProtocolConfig
from alluse_assets.protection.levels import (
    actions_at,
    adverse_multiple,
    monitoring_minutes,
    read_level,
    watch_level,
)
from alluse_assets.protection.state import Chain

RULES = ProtocolConfig().protection
CHAIN = Chain(
    "c", "GEN-1", "AAPL", "P", Decimal(100), Decimal(4), Decimal("0.30"), date(2011, 1, 6), Decimal(150), 1
)


def level(price, before=0, rules=RULES, **known):
    return read_level(
        replace(CHAIN, level=before, move_level=before), Decimal(str(price)), rules, **known
    ).level


def rules(**changes):
    paths = {f"protection.{name.replace('__', '.')}": value for name, value in changes.items()}
    return with_values(ProtocolConfig(), paths).protection


@pytest.mark.parametrize(
    ("price", "expected"),
    [(104, 0), (100, 0), ("96.0001", 0), (96, 1), ("92.0001", 1), (92, 2), ("88.0001", 2), (88, 3), (10, 3)],
)
def test_each_level_begins_at_its_edge(price, expected):
    assert level(price) == expected


@pytest.mark.parametrize(
    ("before", "price", "expected"),
    [(1, "96.9999", 1), (1, 97, 0), (2, "92.9999", 2), (2, 93, 1), (3, "88.9999", 3), (3, 89, 2), (3, 97, 0)],
)
def test_a_level_is_left_downward_only_a_quarter_under_its_edge(before, price, expected):
    assert level(price, before) == expected


def test_the_multiple_is_in_atrs_of_the_first_entry():
    assert adverse_multiple(CHAIN, Decimal(93)) == Decimal("1.7500")
    assert adverse_multiple(CHAIN, Decimal(101)) == Decimal("-0.2500")


@given(st.decimals("1", "200", places=4), st.integers(0, 3))
def test_a_level_depends_on_price_and_level_alone_and_a_second_look_changes_nothing(price, before):
    once = level(price, before)
    assert level(price, once) == once
    assert level(price - Decimal("0.5"), before) >= once


def test_further_triggers_are_off_by_default_and_raise_a_level_once_when_on():
    high = {"iv": Decimal("0.45"), "delta_points": Decimal(80)}
    assert level(100, **high) == 0
    on = rules(triggers__iv_rise_enabled=True)
    assert level(100, rules=on, iv=Decimal("0.4499")) == 0
    assert level(100, rules=on, iv=Decimal("0.45")) == 1
    assert level(100, before=1, rules=on, iv=Decimal("0.45")) == 1
    assert level(88, rules=on, iv=Decimal("0.45")) == 3
    assert level(100, rules=on, iv=None) == 0
    by_delta = rules(triggers__delta_enabled=True)
    assert [level(100, rules=by_delta, delta_points=Decimal(d)) for d in ("75", "75.01")] == [0, 1]


def test_a_trailing_stop_counts_from_the_best_price_since_entry():
    on = rules(triggers__trailing_stop_enabled=True)
    risen = replace(CHAIN, best_price=Decimal(110))
    assert read_level(risen, Decimal("102.01"), on).level == 0
    assert read_level(risen, Decimal(102), on).triggers == ("trailing_stop",)


def test_the_action_table_is_per_kind_and_side_and_empty_at_level_0():
    assert actions_at(RULES, "gen", "P", 0) == ()
    assert "roll" in actions_at(RULES, "gen", "P", 2)
    off = rules(actions__gen__puts__level_2=[])
    assert actions_at(off, "gen", "P", 2) == ()
    assert "roll" in actions_at(off, "rev", "P", 2)


def test_the_higher_the_level_the_more_often_it_is_looked_at():
    minutes = [monitoring_minutes(RULES, number) for number in range(4)]
    assert minutes == sorted(minutes, reverse=True)
    assert minutes[0] > minutes[1] > minutes[2]


def test_a_trigger_raises_the_level_of_the_move_and_stays_as_it_was_while_it_is_not_known():
    delta = rules(triggers__delta_enabled=True)
    first = read_level(CHAIN, Decimal(97), delta, delta_points=Decimal(80))
    assert (first.level, first.move_level, first.triggers) == (1, 0, ("delta",))
    raised = replace(CHAIN, level=first.level, move_level=first.move_level, triggers=first.triggers)
    assert read_level(raised, Decimal(97), delta, delta_points=Decimal(80)).level == 1
    assert read_level(raised, Decimal(97), delta).level == 1
    assert read_level(raised, Decimal(97), delta, delta_points=Decimal(60)).level == 0


def test_looking_more_often_is_an_action_that_counts_from_the_level_that_names_it_upward():
    kinds = {"REV-1": "rev"}
    chain = replace(CHAIN, account="REV-1", contracts=1)
    for level in range(4):
        put, call = replace(chain, level=level, right="P"), replace(chain, level=level, right="C")
        assert watch_level([put], kinds, RULES) == level
        # The table of covered calls does not name it.
        assert watch_level([call], kinds, RULES) == 0
    assert watch_level([replace(chain, level=2, contracts=0)], kinds, RULES) == 0
