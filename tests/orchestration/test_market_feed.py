"""What a session's decisions may see: quotes before the close bring their own price."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from alluse_assets.adapters.lake import Lake
from alluse_assets.base.calendar import trading_calendar
from alluse_assets.base.config.config_manager import load, with_values
from alluse_assets.market_data.tables import BARS
from alluse_assets.option_chains.surface.tables import SURFACES
from alluse_assets.option_chains.tables import OPTION_CHAINS
from alluse_assets.orchestration.market_feed import MarketFeed
from tests.made_market import ShareDay, make_market
from tests.option_chains.test_marks import surface_rows
from tests.strategies.test_entry_screen import chain

CALENDAR = trading_calendar()
TUESDAY, CLOSE = date(2011, 1, 4), datetime(2011, 1, 4, 21, tzinfo=UTC)
CONFIG = with_values(load("sample", {}).config, {"market.source": "files", "market.flat_rate_annual": 0.01})


def session(tmp_path, aapl_close, quotes, surfaces=None):
    """The one look at Tuesday; ``quotes``: (ticker, its price, when)."""
    (look,) = looks_at(tmp_path, aapl_close, quotes, surfaces)
    return look


def looks_at(tmp_path, aapl_close, quotes, surfaces=None):
    """Tuesday as the feed shows it, look by look."""
    lake = Lake(tmp_path)
    days = CALENDAR.sessions(date(2009, 11, 2), TUESDAY)
    bars = [
        {
            "ts": day,
            "symbol": symbol,
            "open": close,
            "high": close,
            "low": close,
            "close": close,
            "source": "t",
        }
        for day in days
        for symbol, close in (("SPX", 1270.0), ("AAPL", 330.0), ("IBM", 147.0))
    ]
    frame = pl.DataFrame(bars).with_columns(volume=pl.lit(1), source=pl.lit("t"))
    changed = pl.when((pl.col("ts") == TUESDAY) & (pl.col("symbol") == "AAPL")).then(pl.lit(aapl_close))
    names = ["open", "high", "low", "close"]
    frame = frame.with_columns(changed.otherwise(pl.col(name)).alias(name) for name in names)
    lake.write(BARS, "files", frame)
    rows = [
        chain(
            quote_ts=at, session=TUESDAY, underlying=symbol, underlying_price=spot,
            contract_symbol=f"{symbol}110107P00100000",
        )
        for symbol, spot, at in quotes
    ]  # fmt: skip
    lake.write(OPTION_CHAINS, "files", pl.DataFrame(rows, infer_schema_length=None))
    if surfaces is not None:
        lake.write(SURFACES, "files", surfaces)
    feed = MarketFeed(lake, CONFIG, CALENDAR, "b", TUESDAY, TUESDAY)
    return next(iter(feed.sessions([TUESDAY])))


@pytest.mark.parametrize("aapl_close", [300.0, 330.0])
def test_before_the_close_nothing_depends_on_it(tmp_path, aapl_close):
    """Once shares were bought at ten in the morning for that day's closing price."""
    morning = CLOSE - timedelta(hours=6)
    market = session(tmp_path, aapl_close, [("AAPL", 333.25, morning)])
    assert market.now == morning
    assert market.prices["AAPL"] == Decimal("333.25")  # the quotes' own
    assert market.prices["IBM"] == Decimal("147.0")  # nobody quotes it: its open
    assert market.closes["AAPL"] == Decimal(str(aapl_close))


def test_at_the_close_the_bar_s_price_holds(tmp_path):
    market = session(tmp_path, 329.5, [("AAPL", 333.25, CLOSE)])
    assert market.prices == market.closes
    assert market.prices["AAPL"] == Decimal("329.5")


def test_each_underlying_is_decided_at_its_own_quotes_time(tmp_path):
    """One ticker quoted after the close once had every order of the session refused for being late."""
    late = CLOSE + timedelta(minutes=15)
    at_close, after = looks_at(tmp_path, 330.0, [("AAPL", 330.0, CLOSE), ("IBM", 147.0, late)])
    assert (at_close.now, after.now) == (CLOSE, late)
    assert (at_close.not_looked_at, after.not_looked_at) == ({"IBM"}, {"AAPL"})
    # The later look does not trade at the quotes before it, and values at them.
    (contract,) = at_close.quotes
    assert contract not in after.quotes
    assert after.last_quotes[contract] == at_close.quotes[contract]
    assert not [one for one in at_close.last_quotes if one not in at_close.quotes]


def test_before_the_close_a_share_that_nobody_quotes_is_at_its_open_in_the_shares_of_the_day():
    """Once it was at the close before, which after a split is the price of several shares."""
    days = CALENDAR.sessions(CALENDAR.previous_session(TUESDAY, 30), TUESDAY)
    calm = {day: ShareDay(100, 100, 100, 100, 0.3) for day in days}
    halved = calm | {TUESDAY: ShareDay(51, 55, 49, 54, 0.3, split=2, is_quoted=False)}
    halted = calm | {TUESDAY: ShareDay(50, 50, 50, 50, 0.3, split=2, has_bar=False, is_quoted=False)}
    paths = {"AAPL": calm, "IBM": halved, "MSFT": halted, "SPX": calm}
    settings = {f"accounts.{kind}.tickers": ["AAPL", "IBM", "MSFT"] for kind in ("gen", "rev", "com")}
    settings["market.warm_up_sessions"] = 30
    made = make_market(paths, {}, TUESDAY, TUESDAY, with_values(CONFIG, settings), minutes_to_close=300)
    prices = next(iter(made.feed().sessions([TUESDAY])))[0].prices
    assert {name: prices[name] for name in ("AAPL", "IBM")} == {"AAPL": 100, "IBM": 51}
    assert "MSFT" not in prices  # It has not traded.


@pytest.mark.parametrize("order", [1, -1])
def test_each_of_several_chains_is_a_look_with_its_own_quotes_and_prices(tmp_path, order):
    """Once a session that was decided at the close was shown quotes of the morning."""
    early, window = CLOSE - timedelta(hours=6), CLOSE - timedelta(hours=5, minutes=30)
    given = [("AAPL", 331.0, early), ("AAPL", 332.0, window), ("IBM", 150.0, window), ("AAPL", 330.0, CLOSE)]
    looks = looks_at(tmp_path, 329.0, given[::order])
    assert [look.now for look in looks] == [early, window, CLOSE]
    assert [[quote.at for quote in look.quotes.values()] for look in looks] == [
        [early],
        [window, window],
        [CLOSE],
    ]
    assert [look.prices["AAPL"] for look in looks] == [Decimal(331), Decimal(332), Decimal(329)]
    # Between its own looks a ticker keeps the price it was last seen at, until the close is known.
    assert [look.prices["IBM"] for look in looks] == [Decimal(147), Decimal(150), Decimal(147)]


def test_entries_are_open_inside_the_window_and_where_no_look_is_at_the_last(tmp_path):
    before, first, second = (CLOSE - timedelta(hours=h) for h in (6.2, 5.9, 5.5))
    given = [("AAPL", 331.0, at) for at in (before, first, second, CLOSE)]
    assert [look.entries_open for look in looks_at(tmp_path / "in", 330.0, given)] == [
        False,
        True,
        True,
        False,
    ]
    outside = [("AAPL", 331.0, at) for at in (before, CLOSE)]
    assert [look.entries_open for look in looks_at(tmp_path / "out", 330.0, outside)] == [False, True]


def test_a_session_without_quotes_is_seen_at_its_close(tmp_path):
    lake_market = session(tmp_path, 330.0, [("AAPL", 330.0, CLOSE)])
    assert lake_market.closes_at == CLOSE
    assert lake_market.quotes["AAPL110107P00100000"].bid == Decimal("1.5")
    assert "AAPL110107P00999000" not in lake_market.quotes


def test_a_session_shows_its_own_surfaces_and_no_others(tmp_path):
    """A mark must not see tomorrow's volatility."""
    morning = CLOSE - timedelta(hours=6)
    surfaces = surface_rows(CLOSE - timedelta(days=1), morning, CLOSE, CLOSE + timedelta(days=1))
    market = session(tmp_path, 330.0, [("AAPL", 330.0, CLOSE)], surfaces)
    assert market.surfaces["quote_ts"].to_list() == [morning, CLOSE]


def test_a_session_without_surfaces_shows_none(tmp_path):
    market = session(tmp_path, 330.0, [("AAPL", 330.0, CLOSE)])
    assert market.surfaces.is_empty()
    assert market.surfaces.schema == SURFACES.schema
