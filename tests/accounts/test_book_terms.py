from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from alluse_assets.accounts.allocation import RULES_NOT_ACTIVE, open_book
from alluse_assets.accounts.project import project_book_terms
from alluse_assets.base.config.config_manager import fingerprint, load, with_values

OPENED = datetime(2011, 1, 3, 14, 30, tzinfo=UTC)


def terms(**changes):
    config = with_values(load("sample", {}).config, changes)
    events = open_book(config, "sample", date(2011, 1, 3), OPENED)
    return config, project_book_terms(events).row(0, named=True)


def test_the_terms_are_those_of_the_opening():
    config, row = terms()
    assert row["session"] == date(2011, 1, 3)
    assert row["profile"] == "sample"
    assert row["lump_sum"] == Decimal("1000000.00")
    assert tuple(row["rules_not_active"]) == RULES_NOT_ACTIVE
    assert row["config_fingerprint"] == fingerprint(config)


@pytest.mark.parametrize(("market", "model_priced"), [("sample", True), ("files", False)])
def test_only_the_sample_market_is_model_priced(market, model_priced):
    _, row = terms(**{"market.source": market})
    assert (row["market"], row["model_priced"]) == (market, model_priced)


def test_before_the_opening_there_are_no_terms():
    assert project_book_terms([]).is_empty()
