import logging
from datetime import date, timedelta

import polars as pl
import pytest

from alluse_assets.base.errors import SourceError
from alluse_assets.market_data.source import ChainScope
from tests.adapters.alpaca.conftest import MakeSource
from tests.adapters.alpaca.market import NOW, TODAY, contract_symbol
from tests.adapters.alpaca.rest_server import RestServer

SCOPE = ChainScope(near_days=10, strikes_each_side=2, leaps_days=(300,))


def test_a_chain_has_the_scopes_contracts_and_no_others(make_source: MakeSource) -> None:
    chain = make_source().snapshot("option_quotes", ["SPY"], SCOPE)
    assert set(chain["expiry"]) == {date(2024, 3, 8), date(2024, 3, 15), date(2025, 1, 17)}
    assert set(chain["strike"]) == {500, 505, 510, 515, 520}
    assert chain.height == 3 * 5 * 2


def test_a_chain_is_of_one_instant_with_ages_and_the_price_of_that_instant(make_source: MakeSource) -> None:
    chain = make_source().snapshot("option_quotes", ["AAPL", "SPY"], SCOPE)
    assert set(chain["quote_ts"]) == {NOW}
    assert set(chain["session"]) == {TODAY}
    assert set(chain["age_seconds"].round(3)) == {30.0}
    assert dict(chain.select("underlying", "underlying_price").unique().iter_rows()) == {
        "AAPL": 170.0,
        "SPY": 510.0,
    }


def test_the_free_feed_is_named_on_every_row(make_source: MakeSource, rest: RestServer) -> None:
    assert set(make_source().snapshot("option_quotes", ["SPY"], SCOPE)["source"]) == {"alpaca-indicative"}
    rest.has_opra = True
    paid = make_source(option_feed="opra").snapshot("option_quotes", ["SPY"], SCOPE)
    assert set(paid["source"]) == {"alpaca-opra"}


def test_open_interest_comes_with_the_listing_and_unknown_stays_null(make_source: MakeSource) -> None:
    chain = make_source().snapshot("option_quotes", ["SPY"], SCOPE)
    by_strike = dict(chain.select("strike", "open_interest").unique().iter_rows())
    assert by_strike == {500: 120, 505: None, 510: 120, 515: None, 520: 120}


def test_volume_of_an_earlier_session_is_not_todays(make_source: MakeSource) -> None:
    chain = make_source().snapshot("option_quotes", ["SPY"], SCOPE)
    assert dict(chain.select("right", "volume").unique().iter_rows()) == {"C": 55, "P": None}


def test_a_contract_without_a_quote_has_no_row(make_source: MakeSource, rest: RestServer) -> None:
    silent = contract_symbol("SPY", date(2024, 3, 8), "C", 510)
    del rest.market.chains[silent]["latestQuote"]
    chain = make_source().snapshot("option_quotes", ["SPY"], SCOPE)
    assert silent not in set(chain["contract_symbol"])
    assert chain.height == 29


def test_a_quote_set_while_the_chain_is_read_is_not_from_the_future(
    make_source: MakeSource, rest: RestServer
) -> None:
    for snapshot in rest.market.chains.values():
        snapshot["latestQuote"]["t"] = f"{NOW + timedelta(seconds=3):%Y-%m-%dT%H:%M:%SZ}"
    assert set(make_source().snapshot("option_quotes", ["SPY"], SCOPE)["age_seconds"]) == {0.0}


def test_no_scope_is_everything_that_is_listed_and_alive(make_source: MakeSource) -> None:
    chain = make_source().snapshot("option_quotes", ["SPY"])
    assert chain["expiry"].n_unique() == 6
    assert chain.height == 6 * 9 * 2


def test_only_the_ranges_of_the_scope_are_asked_for(make_source: MakeSource, rest: RestServer) -> None:
    make_source().snapshot("option_quotes", ["SPY"], SCOPE)
    asked = [
        (params["expiration_date_gte"], params["expiration_date_lte"], float(params["strike_price_gte"]))
        for path, params in rest.calls
        if path.endswith("/snapshots/SPY")
    ]
    assert asked == [("2024-03-08", "2024-03-15", 500.0), ("2025-01-17", "2025-01-17", 500.0)]


def test_the_listing_is_asked_for_once_a_day(make_source: MakeSource, rest: RestServer) -> None:
    source = make_source()
    for _ in range(2):
        source.snapshot("option_quotes", ["SPY"], SCOPE)
    assert rest.paths().count("/v2/options/contracts") == 1
    rest.market.now = NOW + timedelta(days=1)
    tomorrow = source.snapshot("option_quotes", ["SPY"], SCOPE)
    assert rest.paths().count("/v2/options/contracts") == 2
    assert set(tomorrow["session"]) == {TODAY + timedelta(days=1)}


def test_strikes_are_counted_from_the_latest_trade_where_the_quote_is_no_market(
    make_source: MakeSource, rest: RestServer
) -> None:
    spy = rest.market.snapshots["SPY"]
    spy["latestQuote"] |= {"bp": 300.0, "ap": 700.0}
    spy["latestTrade"]["p"] = 521.0
    chain = make_source().snapshot("option_quotes", ["SPY"], SCOPE)
    assert chain["strike"].unique().sort().to_list() == [515, 520, 525, 530]
    assert set(chain["underlying_price"]) == {521.0}


def test_an_underlying_without_a_price_has_no_chain_and_is_told(
    make_source: MakeSource, rest: RestServer, caplog: pytest.LogCaptureFixture
) -> None:
    del rest.market.snapshots["AAPL"]
    with caplog.at_level(logging.WARNING, "alluse.sources.alpaca"):
        chain = make_source().snapshot("option_quotes", ["AAPL", "SPY"], SCOPE)
    assert set(chain["underlying"]) == {"SPY"}
    assert "no price of AAPL" in caplog.text


def test_a_contract_whose_name_is_no_occ_symbol_is_left_out_and_told(
    make_source: MakeSource, rest: RestServer, caplog: pytest.LogCaptureFixture
) -> None:
    rest.market.contracts.append({**rest.market.contracts[-1], "symbol": "SPY-FLEX"})
    with caplog.at_level(logging.WARNING, "alluse.sources.alpaca"):
        chain = make_source().snapshot("option_quotes", ["SPY"], SCOPE)
    assert chain.height == 30
    assert "SPY-FLEX" in caplog.text


def test_past_option_bars_follow_the_close_of_each_session(make_source: MakeSource, rest: RestServer) -> None:
    first, last = date(2024, 2, 26), date(2024, 3, 5)
    for n, bar in enumerate(rest.market.daily["SPY"]):
        bar["c"] = 501.0 if n == 0 else 512.0
    scope = ChainScope(near_days=5, strikes_each_side=1)
    rows = make_source().history("option_bars", ["SPY"], first, last, scope)
    by_session = rows.group_by("ts").agg(pl.col("strike").unique().sort(), pl.col("expiry").unique().sort())
    found = {ts: (strikes, expiries) for ts, strikes, expiries in by_session.iter_rows()}
    assert found[first] == ([500, 505], [date(2024, 3, 1)])
    assert found[last] == ([510, 515], [date(2024, 3, 8)])


def test_contracts_that_have_expired_since_are_part_of_the_past(make_source: MakeSource) -> None:
    day = date(2024, 2, 29)
    rows = make_source().history("option_bars", ["SPY"], day, day)
    expired = rows.filter(pl.col("expiry") == date(2024, 3, 1))
    assert expired.height == 18
    assert expired.row(0, named=True) == {
        "ts": day,
        "underlying": "SPY",
        "contract_symbol": "SPY240301C00490000",
        "expiry": date(2024, 3, 1),
        "right": "C",
        "strike": 490.0,
        "open": 3.3,
        "high": 4.3,
        "low": 2.3,
        "close": 3.8,
        "volume": 40,
        "trades": 7,
        "source": "alpaca-indicative",
    }


def test_a_session_without_a_close_has_no_option_bars_and_is_told(
    make_source: MakeSource, rest: RestServer, caplog: pytest.LogCaptureFixture
) -> None:
    del rest.market.daily["SPY"][0]
    with caplog.at_level(logging.WARNING, "alluse.sources.alpaca"):
        rows = make_source().history("option_bars", ["SPY"], date(2024, 2, 26), date(2024, 2, 27), SCOPE)
    assert set(rows["ts"]) == {date(2024, 2, 27)}
    assert "no close on 2024-02-26" in caplog.text


def test_option_quotes_of_the_past_are_refused(make_source: MakeSource) -> None:
    with pytest.raises(SourceError, match="no history of option_quotes"):
        make_source().history("option_quotes", ["SPY"], TODAY, TODAY)
