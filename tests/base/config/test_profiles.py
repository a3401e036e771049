"""The profiles that ship hold, and say what they are for."""

from datetime import date

import pytest

from alluse_assets.base.config import KINDS
from alluse_assets.base.config.config_manager import load
from alluse_assets.base.config.profile_files import shipped_profiles


def test_three_profiles_ship():
    assert shipped_profiles() == ["default", "sample", "spx_2019"]


@pytest.mark.parametrize("name", ["default", "sample", "spx_2019"])
def test_a_profile_that_ships_holds_without_any_environment(name):
    load(name, {})


def test_the_sample_profile_runs_two_years_on_the_tickers_that_the_sample_market_has():
    config = load("sample", {}).config
    assert (config.book.replay_start, config.book.replay_end) == (date(2011, 1, 3), date(2012, 12, 31))
    assert config.book.lump_sum_usd == 1_000_000
    assert config.market.source == "sample"
    assert config.market.mode_symbol == "SPX"
    for kind in KINDS:
        assert set(config.accounts.of(kind).tickers) <= {"AAPL", "MSFT", "IBM", "GOOG", "FB"}


def test_the_index_profile_opens_puts_only_and_holds_no_shares():
    config = load("spx_2019", {}).config
    assert config.market.source == "files"
    assert "SPXW" in config.market.index_options["SPX"].pm_roots
    for kind in KINDS:
        rules = config.accounts.of(kind)
        assert rules.tickers == ("SPX",)
        assert rules.puts.enabled
        assert not rules.calls.enabled
        assert not rules.first_share_purchase
