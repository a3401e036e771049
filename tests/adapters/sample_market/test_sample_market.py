import subprocess
import sys
from datetime import date, datetime, timedelta
from functools import lru_cache

import numpy as np
import polars as pl
import pytest

from alluse_assets.adapters.sample_market import DIVIDEND_YIELDS, MODEL_SOURCE, SOURCE, SampleMarket
from alluse_assets.adapters.sample_market.packaged_data import PackagedData, read_packaged_data
from alluse_assets.base.calendar import trading_calendar
from alluse_assets.market_data.cleaning import clean_bars
from alluse_assets.market_data.source import MarketDataSource
from alluse_assets.market_data.tables import BARS, CORPORATE_ACTIONS, RATES
from alluse_assets.option_chains.chains import enrich
from alluse_assets.option_chains.quotes import clean_option_quotes
from alluse_assets.option_chains.tables import OPTION_QUOTES
from tests.paths import SHARED

SHARES = ["AAPL", "FB", "GOOG", "IBM", "MSFT"]
JULY = (date(2012, 7, 2), date(2012, 7, 31))


@lru_cache
def market() -> MarketDataSource:
    return SampleMarket(trading_calendar(), threads=2)


@lru_cache
def july() -> pl.DataFrame:
    return market().option_quotes([*SHARES, "SPX"], *JULY)


def test_reading_the_packaged_files_imports_neither_package():
    code = (
        "import sys\n"
        "from alluse_assets.adapters.sample_market.packaged_data import read_packaged_data as read\n"
        "read()\n"
        "sys.exit('arch' in sys.modules or 'bokeh_sampledata' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_bars_are_as_traded_and_none_is_refused_by_cleaning():
    symbols = [*SHARES, "SPX"]
    bars = market().bars(symbols, date(1999, 1, 1), date(2018, 12, 31))
    good, bad = clean_bars(bars, trading_calendar(), SOURCE)
    assert (bars.schema, bad.height) == (BARS.schema, 0)
    assert good.equals(bars)
    assert bars["source"].unique().to_list() == [SOURCE]
    before_split = bars.row(by_predicate=(pl.col("symbol") == "AAPL") & (pl.col("ts") == date(2000, 6, 20)))
    assert before_split[5] == 101.25


def test_every_session_of_the_two_years_has_a_bar_of_each_share_once_listed():
    calendar = trading_calendar()
    span = (date(2011, 1, 3), date(2012, 12, 31))
    bars = market().bars(SHARES, *span)
    for symbol in SHARES:
        first = max(span[0], market().provides()["bars"].symbols[symbol][0])
        days = bars.filter(pl.col("symbol") == symbol)["ts"].to_list()
        assert days == calendar.sessions(first, span[1]), symbol


def test_splits_and_dividends_are_the_ones_that_were():
    actions = market().corporate_actions(SHARES, date(2000, 1, 1), date(2013, 12, 31))
    assert actions.schema == CORPORATE_ACTIONS.schema
    splits = actions.filter(pl.col("kind") == "split").select("ex_date", "symbol", "ratio").rows()
    assert splits == [
        (date(2000, 6, 21), "AAPL", 2.0),
        (date(2003, 2, 18), "MSFT", 2.0),
        (date(2005, 2, 28), "AAPL", 2.0),
    ]
    paid = {(ex, symbol): amount for ex, symbol, _, _, amount, _ in actions.iter_rows() if amount}
    assert paid[date(2012, 8, 9), "AAPL"] == 2.65
    assert paid[date(2004, 11, 15), "MSFT"] == 3.08
    assert paid[date(2012, 2, 14), "MSFT"] == 0.20
    assert paid[date(2012, 5, 8), "IBM"] == 0.85
    ibm_2012 = [ex for ex, symbol in paid if symbol == "IBM" and ex.year == 2012]
    assert len(ibm_2012) == 4
    assert not {symbol for _, symbol in paid} & {"GOOG", "FB"}


def test_rates_are_there_each_session_and_continuously_compounded():
    rates = market().rates(date(2007, 1, 1), date(2012, 12, 31))
    assert rates.schema == RATES.schema
    assert rates["ts"].to_list() == trading_calendar().sessions(date(2007, 1, 1), date(2012, 12, 31))
    january = rates.filter(pl.col("ts") == date(2007, 1, 3)).row(0, named=True)
    assert (january["tenor_days"], january["source"]) == (30, SOURCE)
    assert january["rate_annual"] == pytest.approx(12 * np.log(1.0044), abs=1e-6)


def test_chains_are_labelled_model_priced_and_none_is_refused_by_cleaning():
    good, bad = clean_option_quotes(july(), trading_calendar(), SOURCE)
    assert (july().schema, bad.height) == (OPTION_QUOTES.schema, 0)
    assert good.equals(july())
    assert good["source"].unique().to_list() == [MODEL_SOURCE]
    assert good.select("last", "volume", "open_interest").null_count().row(0) == (good.height,) * 3
    assert set(market().provides()["option_quotes"].model_priced) == {*SHARES, "SPX"}


def test_quotes_are_taken_at_the_close_also_on_an_early_one():
    calendar = trading_calendar()
    taken = july().select("session", "quote_ts").unique().sort("session").rows()
    assert [session for session, _ in taken] == calendar.sessions(*JULY)
    assert all(at == calendar.close_time(session) for session, at in taken)
    assert datetime.fromisoformat("2012-07-03T17:00+00:00") in [at for _, at in taken]


def test_bids_and_asks_are_whole_ticks_and_never_meet():
    shares = july().filter(pl.col("underlying") != "SPX")
    for side in ("bid", "ask"):
        cents = shares[side] * 100
        assert (cents - cents.round()).abs().max() < 1e-9
        nickels = shares.filter(pl.col(side) >= 3)[side] * 20
        assert (nickels - nickels.round()).abs().max() < 1e-9
    assert (shares["ask"] > shares["bid"]).all()
    assert (shares["bid"] == 0).any()


def test_far_options_are_quoted_wider_than_near_ones():
    put = (pl.col("underlying") == "AAPL") & (pl.col("right") == "P")
    one_day = july().filter(put, pl.col("session") == date(2012, 7, 9))
    near_money = one_day.filter((pl.col("strike") / pl.col("underlying_price") - 1).abs() < 0.01)
    share = near_money.sort("expiry")["ask"] - near_money.sort("expiry")["bid"]
    assert share[-1] > 3 * share[0]


def test_expiries_are_real_weeks_last_sessions_and_january_leaps():
    calendar = trading_calendar()
    before_good_friday = market().option_quotes(["IBM"], date(2012, 4, 2), date(2012, 4, 2))
    expiries = before_good_friday["expiry"].unique().sort().to_list()
    assert expiries[:5] == [
        date(2012, 4, 5),
        date(2012, 4, 13),
        date(2012, 4, 20),
        date(2012, 4, 27),
        date(2012, 5, 4),
    ]
    assert {date(2013, 1, 18), date(2014, 1, 17)} <= set(expiries)
    sessions = calendar.sessions(date(2011, 1, 3), date(2012, 12, 31))[::23]
    for session in sessions:
        listed = market().option_quotes(["IBM"], session, session)["expiry"].unique()
        assert listed.min() > session
        assert any(365 <= (expiry - session).days <= 730 for expiry in listed), session


def test_a_contract_near_the_money_stays_listed_until_its_last_session():
    quotes = july().filter(pl.col("underlying") != "SPX")
    near = (pl.col("strike") / pl.col("underlying_price") - 1).abs() < 0.04
    entered = quotes.filter(near, pl.col("expiry") <= JULY[1]).select("session", "contract_symbol", "expiry")
    seen = {
        symbol: set(days) for symbol, days in quotes.group_by("contract_symbol").agg("session").iter_rows()
    }
    calendar = trading_calendar()
    for session, symbol, expiry in entered.iter_rows():
        until = calendar.sessions(session, expiry - timedelta(days=1))[:15]
        assert set(until) <= seen[symbol], (session, symbol)


def test_weekly_chains_reach_from_delta_5_to_95():
    session = date(2012, 7, 9)
    weekly = july().filter(
        pl.col("session") == session, pl.col("expiry") == date(2012, 7, 13), pl.col("underlying") != "SPX"
    )
    chains = enrich(weekly, market().rates(session, session), DIVIDEND_YIELDS, frozenset())
    for symbol in SHARES:
        for right in ("C", "P"):
            of_side = chains.filter(pl.col("underlying") == symbol, pl.col("right") == right)
            assert of_side["delta"].abs().min() < 0.05 or (of_side["bid"] == 0).any(), (symbol, right)
            assert of_side["delta"].abs().max() > 0.95, (symbol, right)


def test_dearer_strikes_make_puts_dearer_and_calls_cheaper():
    middle = july().with_columns(mid=(pl.col("bid") + pl.col("ask")) / 2).sort("strike")
    steps = middle.select(
        "right", step=pl.col("mid").diff().over("session", "underlying", "expiry", "right")
    ).drop_nulls()
    tick = 0.1 + 1e-9
    assert steps.filter(pl.col("right") == "P")["step"].min() >= -tick
    assert steps.filter(pl.col("right") == "C")["step"].max() <= tick


def test_a_quote_knows_nothing_of_later_closes():
    day = date(2012, 7, 16)
    data = read_packaged_data()
    known = PackagedData(
        data.bars.filter(pl.col("ts") <= day), data.monthly_rates.filter(pl.col("month") <= day)
    )
    truncated = SampleMarket(trading_calendar(), known)
    assert truncated.option_quotes([*SHARES, "SPX"], day, day).equals(july().filter(pl.col("session") == day))
    week = (date(2012, 7, 9), day)
    assert truncated.bars(["VIX"], *week).equals(market().bars(["VIX"], *week))


def test_a_range_in_parts_and_on_one_thread_gives_the_same_rows():
    alone = SampleMarket(trading_calendar(), threads=1)
    parts = [
        alone.option_quotes([symbol], *span)
        for symbol in [*SHARES, "SPX"]
        for span in ((JULY[0], date(2012, 7, 12)), (date(2012, 7, 13), JULY[1]))
    ]
    assert pl.concat(parts).sort(OPTION_QUOTES.key).equals(july())


def test_the_modelled_vix_moves_like_the_real_one():
    span = (date(2011, 6, 1), date(2011, 12, 30))
    ours = market().bars(["VIX"], *span)
    assert ours["source"].unique().to_list() == [MODEL_SOURCE]
    assert ours["ts"].to_list() == trading_calendar().sessions(*span)
    real = pl.read_parquet(SHARED / "data/vix_daily_1990_2026.parquet").select("ts", real="close")
    both = ours.join(real, on="ts")
    assert both.select(pl.corr("close", "real")).item() > 0.8
    assert abs(both["close"].mean() - both["real"].mean()) < 5


def test_outside_what_it_provides_there_are_no_rows():
    early = (date(1990, 1, 2), date(1990, 12, 31))
    assert market().bars(["AAPL", "VIX"], *early).height == 0
    assert market().option_quotes(["AAPL", "TSLA"], *early).height == 0
    assert "TSLA" not in market().provides()["bars"].symbols
