import logging
from datetime import UTC, date, datetime, timedelta

import pytest

from alluse_assets.base.errors import SourceError
from tests.adapters.alpaca.conftest import MakeSource
from tests.adapters.alpaca.market import NOW, TODAY
from tests.adapters.alpaca.rest_server import RestServer

FIRST, LAST = date(2024, 2, 27), date(2024, 3, 5)


def test_daily_bars_are_of_their_new_york_date_as_traded_and_say_their_feed(make_source: MakeSource) -> None:
    row = make_source().history("bars", ["AAPL"], LAST, LAST).row(0, named=True)
    assert row == {
        "ts": LAST,
        "symbol": "AAPL",
        "open": 176.0,
        "high": 177.0,
        "low": 175.0,
        "close": 176.5,
        "volume": 1000,
        "source": "alpaca-sip",
    }


def test_a_session_that_has_not_closed_is_no_history(make_source: MakeSource) -> None:
    bars = make_source().history("bars", ["AAPL"], LAST, TODAY)
    assert bars["ts"].to_list() == [LAST]


def test_a_session_closes_for_the_free_plan_a_quarter_of_an_hour_later(
    make_source: MakeSource, rest: RestServer
) -> None:
    rest.market.now = datetime(2024, 3, 6, 21, 10, tzinfo=UTC)
    rest.may_have_recent_sip = True
    assert make_source().history("bars", ["AAPL"], TODAY, TODAY).is_empty()
    assert make_source(live_feed="sip").history("bars", ["AAPL"], TODAY, TODAY).height == 1
    rest.market.now += timedelta(minutes=6)
    assert make_source().history("bars", ["AAPL"], TODAY, TODAY).height == 1


def test_a_range_without_sessions_asks_nothing(make_source: MakeSource, rest: RestServer) -> None:
    saturday = date(2024, 3, 2)
    for kind in ("bars", "intraday_bars", "option_bars"):
        assert make_source().history(kind, ["AAPL"], saturday, saturday).is_empty()
        assert make_source().history(kind, ["AAPL"], LAST, FIRST).is_empty()
    assert rest.calls == []


def test_minute_bars_are_of_the_regular_session_alone(make_source: MakeSource) -> None:
    bars = make_source().history("intraday_bars", ["AAPL"], LAST, LAST)
    first, last = bars["bar_ts"].min(), bars["bar_ts"].max()
    assert first == datetime(2024, 3, 5, 14, 30, tzinfo=UTC)
    assert last == datetime(2024, 3, 5, 20, 45, tzinfo=UTC)
    assert set(bars["minutes"]) == {1}
    assert bars.height == 26


def test_minute_bars_of_today_end_where_the_free_plan_does(make_source: MakeSource) -> None:
    bars = make_source().history("intraday_bars", ["AAPL"], TODAY, TODAY)
    assert bars["bar_ts"].max() == NOW - timedelta(minutes=30)


def test_latest_quotes_have_their_own_instants_and_no_sizes(make_source: MakeSource) -> None:
    row = make_source().snapshot("share_quotes", ["AAPL"]).row(0, named=True)
    assert row["quote_ts"] == NOW - timedelta(seconds=1, microseconds=5)
    assert (row["bid"], row["ask"], row["last"]) == (169.95, 170.05, 170.01)
    assert (row["bid_size"], row["ask_size"]) == (None, None)
    assert (row["session"], row["source"]) == (TODAY, "alpaca-iex")


def test_a_share_without_a_quote_is_absent_and_told(
    make_source: MakeSource, rest: RestServer, caplog: pytest.LogCaptureFixture
) -> None:
    rest.market.snapshots["AAPL"]["latestQuote"] = None
    rest.market.snapshots["IBM"] = None
    with caplog.at_level(logging.WARNING, "alluse.sources.alpaca"):
        found = make_source().snapshot("share_quotes", ["AAPL", "IBM", "SPY", "ZZZZ"])
    assert found["symbol"].to_list() == ["SPY"]
    assert "AAPL, IBM, ZZZZ" in caplog.text


def test_more_shares_than_a_call_takes_are_asked_for_in_portions(
    make_source: MakeSource, rest: RestServer
) -> None:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    symbols = [f"X{a}{b}" for a in letters for b in letters][:250]
    found = make_source().history("bars", [*symbols, "SPY"], LAST, LAST)
    assert found["symbol"].to_list() == ["SPY"]
    assert [len(params["symbols"].split(",")) for _, params in rest.calls] == [100, 100, 51]


def test_actions_come_by_ex_date_though_alpaca_files_them_by_processing(make_source: MakeSource) -> None:
    found = make_source().history("corporate_actions", ["AAPL", "SPY"], date(2024, 3, 15), date(2024, 3, 15))
    assert found.rows(named=True) == [
        {
            "ex_date": date(2024, 3, 15),
            "symbol": "SPY",
            "kind": "dividend",
            "ratio": None,
            "amount": 1.59,
            "source": "alpaca",
        }
    ]


def test_dividends_of_one_ex_date_are_paid_together_and_each_once(
    make_source: MakeSource, rest: RestServer
) -> None:
    dividends = rest.market.actions["cash_dividends"]
    dividends.append(dict(dividends[0]))
    found = make_source().history("corporate_actions", ["AAPL"], FIRST, FIRST)
    assert found["amount"].to_list() == [1.24]


def test_splits_have_new_shares_per_old_one(make_source: MakeSource) -> None:
    found = make_source().history("corporate_actions", ["AAPL", "SPY"], date(2024, 3, 4), LAST)
    assert found.select("symbol", "kind", "ratio", "amount").rows() == [
        ("SPY", "split", 4.0, None),
        ("AAPL", "split", 0.1, None),
    ]


def test_actions_that_no_table_holds_are_counted(
    make_source: MakeSource, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "alluse.sources.alpaca"):
        make_source().history("corporate_actions", ["AAPL"], FIRST, LAST)
    assert "1 spin_offs" in caplog.text


def test_more_than_a_thousand_actions_come_whole(make_source: MakeSource, rest: RestServer) -> None:
    one = rest.market.actions["forward_splits"][0]
    days = [date(2020, 1, 1) + timedelta(days=n) for n in range(1300)]
    rest.market.actions = {
        "forward_splits": [
            {**one, "id": str(day), "ex_date": str(day), "process_date": str(day)} for day in days
        ]
    }
    assert make_source().history("corporate_actions", ["SPY"], days[0], days[-1]).height == 1300


def test_reaching_tells_the_feeds(make_source: MakeSource) -> None:
    assert make_source().reach() == (
        "reached; shares iex: SPY at 510.00 USD; options indicative: 6 contracts of this week near it"
    )


def test_a_feed_of_options_that_the_plan_lacks_is_found_by_reaching(make_source: MakeSource) -> None:
    with pytest.raises(SourceError, match="OPTION_FEED=indicative"):
        make_source(option_feed="opra").reach()
