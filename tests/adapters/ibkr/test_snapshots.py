"""Quotes of this moment: what is asked for, what is known, and what is missing and said to be."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest

from alluse_assets.adapters.ibkr.pacing import PacingLimits
from alluse_assets.base.calendar import trading_calendar
from alluse_assets.base.errors import SourceError
from alluse_assets.market_data.source import ChainScope
from alluse_assets.option_chains.quotes import clean_option_quotes
from tests.adapters.ibkr.conftest import NOW, TODAY, MakeSource
from tests.adapters.ibkr.data_messages import push_quote
from tests.adapters.ibkr.gateway import HANG_UP, SILENCE, Fault, Rules, ScriptedGateway
from tests.adapters.ibkr.scripted_market import Instrument, Quote, ScriptedMarket

_DETAILS, _EXPIRIES, _MARKET_DATA, _CANCEL, _DATA_TYPE = 9, 78, 1, 2, 59
_NEAR, _FAR = date(2026, 11, 27), date(2027, 11, 19)
_QUOTE = Quote(1.0, 1.2, 7, 8, last=1.1, volume=33)


def _chain(market: ScriptedMarket, symbol: str = "AAPL", price: float = 200.0) -> Instrument:
    """Strikes of 5 USD around the price, five on each side, in a near and a far expiry."""
    share = market.share(symbol, Quote(price - 0.1, price + 0.1, 300, 400, last=price + 0.02))
    for expiry in (_NEAR, _FAR):
        for step in range(-5, 6):
            for right in "CP":
                market.option(share, expiry, right, price + 5 * step, _QUOTE)
    return share


def _ticking() -> Callable[[], datetime]:
    """A clock that goes on by a second at each look."""
    looks = iter(range(10**6))
    return lambda: NOW + timedelta(seconds=next(looks))


def test_a_share_has_one_row_with_what_the_gateway_says(
    gateway: ScriptedGateway, make_source: MakeSource
) -> None:
    gateway.market.share("AAPL", Quote(199.9, 200.1, 300, 400, last=200.0))
    for sizes, scale in (("shares", 1), ("lots", 100)):
        (row,) = make_source(stock_sizes=sizes).snapshot("share_quotes", ["AAPL"]).rows(named=True)
        assert row == {
            "session": TODAY,
            "quote_ts": NOW,
            "symbol": "AAPL",
            "bid": 199.9,
            "ask": 200.1,
            "bid_size": 300 * scale,
            "ask_size": 400 * scale,
            "last": 200.0,
            "source": "ibkr",
        }


def test_a_side_that_is_not_known_makes_no_row_and_is_told_of(
    gateway: ScriptedGateway, make_source: MakeSource, caplog: pytest.LogCaptureFixture
) -> None:
    gateway.market.share("AAPL", Quote(None, 200.1))
    gateway.market.share("MSFT", Quote(400.0, None))
    gateway.market.share("IBM", Quote(250.0, 250.2))
    found = make_source().snapshot("share_quotes", ["AAPL", "MSFT", "IBM"])
    assert found.select("symbol", "last").rows() == [("IBM", None)]
    assert "2 of 3 symbols have no bid and ask" in caplog.text


def test_the_scope_decides_which_contracts_are_asked_for(
    gateway: ScriptedGateway, make_source: MakeSource
) -> None:
    _chain(gateway.market)
    found = make_source().snapshot("option_quotes", ["AAPL"], ChainScope(30, 2, (365,)))
    assert set(found["strike"]) == {190.0, 195.0, 200.0, 205.0, 210.0}
    assert set(found["expiry"]) == {_NEAR, _FAR}
    assert found.height == 20
    asked = gateway.requests(_MARKET_DATA)
    assert len(asked) == 1 + 20  # the underlying's price, and a snapshot each
    assert len(gateway.requests(_EXPIRIES)) == 1
    assert len(gateway.requests(_DETAILS)) == 1 + 2  # the underlying, and one request an expiry
    near_only = make_source().snapshot("option_quotes", ["AAPL"], ChainScope(30, 1))
    assert near_only.height == 6


def test_without_a_scope_the_whole_chain_is_asked_for(
    gateway: ScriptedGateway, make_source: MakeSource
) -> None:
    _chain(gateway.market)
    assert make_source().snapshot("option_quotes", ["AAPL"]).height == 44


def test_an_option_has_what_the_gateway_says_and_how_long_ago_it_was_seen(
    gateway: ScriptedGateway, make_source: MakeSource
) -> None:
    share = gateway.market.share("BRK B", Quote(500.0, 500.5, last=499.0))
    gateway.market.option(share, _NEAR, "P", 500.0, _QUOTE)
    found = make_source(clock=_ticking()).snapshot("option_quotes", ["BRK.B"], ChainScope(30, 2))
    (row,) = found.rows(named=True)
    assert row.pop("quote_ts") > NOW
    assert row == {
        "session": TODAY,
        "underlying": "BRK.B",
        "underlying_price": 500.25,
        "contract_symbol": "BRKB261127P00500000",
        "expiry": _NEAR,
        "right": "P",
        "strike": 500.0,
        "bid": 1.0,
        "ask": 1.2,
        "last": 1.1,
        "volume": 33,
        "open_interest": None,
        "age_seconds": 1.0,
        "source": "ibkr",
    }


def test_all_rows_of_a_snapshot_have_one_instant(gateway: ScriptedGateway, make_source: MakeSource) -> None:
    _chain(gateway.market)
    _chain(gateway.market, "MSFT", 400.0)
    found = make_source(clock=_ticking()).snapshot("option_quotes", ["AAPL", "MSFT"], ChainScope(30, 3))
    assert found["quote_ts"].n_unique() == 1
    assert found["age_seconds"].min() >= 1.0  # type: ignore[operator]
    assert found.group_by("underlying").len().sort("underlying").rows() == [("AAPL", 14), ("MSFT", 14)]


def test_an_index_has_its_last_price_and_both_of_its_classes(
    gateway: ScriptedGateway, make_source: MakeSource
) -> None:
    index = gateway.market.share("SPX", Quote(last=6000.0), sec_type="IND")
    third_friday = date(2026, 12, 18)
    gateway.market.option(index, third_friday, "C", 6000.0, _QUOTE, root="SPXW")
    gateway.market.option(index, third_friday, "C", 6000.0, _QUOTE, root="SPX", last_trade=date(2026, 12, 17))
    found = make_source().snapshot("option_quotes", ["SPX"], ChainScope(30, 5))
    assert found.select("contract_symbol", "expiry", "underlying_price").rows() == [
        ("SPX261218C06000000", third_friday, 6000.0),
        ("SPXW261218C06000000", third_friday, 6000.0),
    ]


def test_adjusted_contracts_are_never_asked_for(gateway: ScriptedGateway, make_source: MakeSource) -> None:
    share = _chain(gateway.market)
    for root, multiplier in (("AAPL1", "100"), ("AAPL", "10")):
        gateway.market.option(share, _NEAR, "C", 200.0, _QUOTE, root=root, multiplier=multiplier)
    found = make_source().snapshot("option_quotes", ["AAPL"], ChainScope(30, 2))
    assert found.height == 10
    assert len(gateway.requests(_MARKET_DATA)) == 11


def test_contracts_are_listed_once_a_session(gateway: ScriptedGateway, make_source: MakeSource) -> None:
    _chain(gateway.market)
    now = [NOW]
    source = make_source(clock=lambda: now[0])
    for _ in range(2):
        assert source.snapshot("option_quotes", ["AAPL"], ChainScope(30, 2)).height == 10
    assert len(gateway.requests(_DETAILS)) == 2 + 1  # the underlying twice, its expiry once
    now[0] = datetime(2026, 11, 23, 15, tzinfo=UTC)
    source.snapshot("option_quotes", ["AAPL"], ChainScope(30, 2))
    assert len(gateway.requests(_DETAILS)) == 5


@pytest.mark.parametrize(
    ("data_type", "asked", "name", "age"),
    [
        (1, "live", "ibkr", 0.0),
        (2, "frozen", "ibkr-frozen", None),
        (3, "delayed", "ibkr-delayed", 900.0),
        (4, "delayed-frozen", "ibkr-delayed-frozen", None),
    ],
)
def test_delayed_and_frozen_data_say_so_in_their_source(
    gateway: ScriptedGateway,
    make_source: MakeSource,
    data_type: int,
    asked: str,
    name: str,
    age: float | None,
) -> None:
    share = gateway.market.share("AAPL", Quote(199.9, 200.1, data_type=data_type))
    gateway.market.option(share, _NEAR, "P", 200.0, Quote(1.0, 1.2, volume=5, data_type=data_type))
    source = make_source(market_data_type=asked)
    assert source.name == name
    (quote,) = source.snapshot("share_quotes", ["AAPL"])["source"]
    (option,) = source.snapshot("option_quotes", ["AAPL"], ChainScope(30, 1)).rows(named=True)
    assert (quote, option["source"], option["age_seconds"], option["volume"]) == (name, name, age, 5)
    assert [fields[2] for fields in gateway.requests(_DATA_TYPE)] == [str(data_type)] * 2


def test_delayed_data_in_place_of_live_is_not_called_live(
    gateway: ScriptedGateway, make_source: MakeSource
) -> None:
    notice = (10167, "Requested market data is not subscribed. Displaying delayed market data.")
    gateway.market.share("AAPL", Quote(199.9, 200.1, data_type=3, notice=notice))
    source = make_source(market_data_type="live")
    assert source.snapshot("share_quotes", ["AAPL"])["source"].to_list() == ["ibkr-delayed"]
    gateway.market.option(gateway.market.instruments[0], _NEAR, "P", 200.0, _QUOTE)
    assert source.snapshot("option_quotes", ["AAPL"])["source"].to_list() == ["ibkr"]


def test_contracts_that_do_not_answer_are_told_of_and_have_no_row(
    gateway: ScriptedGateway, make_source: MakeSource, caplog: pytest.LogCaptureFixture
) -> None:
    share = gateway.market.share("AAPL", Quote(199.9, 200.1))
    for strike, quote in (
        (180.0, _QUOTE),
        (190.0, Quote(refusal=(10089, "Requested market data requires additional subscription"))),
        (200.0, Quote(is_silent=True)),
        (210.0, Quote(None, 1.0)),
        (220.0, Quote(1.0, 1.2, ends=False)),
    ):
        gateway.market.option(share, _NEAR, "P", strike, quote)
    found = make_source(snapshot_seconds=1).snapshot("option_quotes", ["AAPL"], ChainScope(30, 5))
    # A snapshot whose end got lost has brought a bid and an ask all the same.
    assert found["strike"].to_list() == [180.0, 220.0]
    assert "2 of 5 contracts have a bid and an ask; 2 gave no answer" in caplog.text
    # The lines of the two snapshots that were never ended are given back, as is the underlying's.
    assert gateway.is_left()
    assert len(gateway.requests(_CANCEL)) == 3


def test_one_underlying_that_fails_does_not_cost_the_others(
    gateway: ScriptedGateway, make_source: MakeSource, caplog: pytest.LogCaptureFixture
) -> None:
    _chain(gateway.market)
    refused = gateway.market.share("MSFT", Quote(refusal=(354, "Requested market data is not subscribed")))
    gateway.market.option(refused, _NEAR, "P", 400.0, _QUOTE)
    source = make_source()
    found = source.snapshot("option_quotes", ["AAPL", "MSFT"], ChainScope(30, 2))
    assert set(found["underlying"]) == {"AAPL"}
    assert "MSFT is missing from the snapshot" in caplog.text
    with pytest.raises(SourceError, match="354") as error:
        source.snapshot("option_quotes", ["MSFT"], ChainScope(30, 2))
    assert not error.value.is_passing


def test_an_underlying_without_a_price_has_no_chain(
    gateway: ScriptedGateway, make_source: MakeSource
) -> None:
    gateway.market.share("AAPL", Quote(None, None))
    with pytest.raises(SourceError, match="no price within") as error:
        make_source(snapshot_seconds=0.2).snapshot("option_quotes", ["AAPL"], ChainScope(30, 2))
    assert error.value.is_passing


@pytest.mark.parametrize(
    ("message", "fault", "said"),
    [
        (_EXPIRIES, SILENCE, "no answer"),
        (_EXPIRIES, HANG_UP, "closed the connection"),
        (_DETAILS, SILENCE, "no answer"),
        (_MARKET_DATA, HANG_UP, "closed the connection"),
        (_MARKET_DATA, Fault(1100, "Connectivity between IB and TWS has been lost"), "1100"),
        (_MARKET_DATA, Fault(1101, "Connectivity has been restored - data lost"), "1101"),
    ],
)
def test_a_gateway_that_breaks_off_is_an_error_that_passes(
    gateway: ScriptedGateway, make_source: MakeSource, message: int, fault: Fault, said: str
) -> None:
    _chain(gateway.market)
    gateway.fail(message, fault)
    impatient = make_source(timeout_seconds=0.5, snapshot_seconds=0.5) if fault is SILENCE else make_source()
    with pytest.raises(SourceError, match=said) as error:
        impatient.snapshot("option_quotes", ["AAPL"], ChainScope(30, 2))
    assert error.value.is_passing
    assert make_source().snapshot("option_quotes", ["AAPL"], ChainScope(30, 2)).height == 10


def test_never_more_lines_are_open_than_the_login_has(make_source: MakeSource) -> None:
    """Three underlyings and two lines: one for a chain's underlying, and one for its contracts in turn."""
    rules = Rules(messages_a_second=100_000, lines=2, snapshot_seconds=0.005)
    with ScriptedGateway(rules=rules).running() as gateway:
        symbols = ["AAPL", "MSFT", "IBM"]
        for symbol, price in zip(symbols, (200.0, 400.0, 250.0), strict=True):
            _chain(gateway.market, symbol, price)
        source = make_source(port=gateway.port, lines=2)
        found = source.snapshot("option_quotes", symbols, ChainScope(30, 2))
        assert found.height == 30
        assert gateway.violations == []
        assert gateway.most_lines == 2
        assert gateway.is_left()
        assert len(gateway.requests(_CANCEL)) == 3


def test_the_underlyings_price_is_the_one_of_the_moment_the_quote_was_seen(make_source: MakeSource) -> None:
    rules = Rules(messages_a_second=100_000, snapshot_seconds=1)
    with ScriptedGateway(rules=rules).running() as gateway:
        share = _chain(gateway.market)
        with ThreadPoolExecutor(1) as thread:
            source = make_source(port=gateway.port)
            answer = thread.submit(source.snapshot, "option_quotes", ["AAPL"], ChainScope(30, 1))
            while len(gateway.requests(_MARKET_DATA)) < 1 + 6:
                time.sleep(0.01)
            gateway.push(lambda client: push_quote(client, share.con_id, Quote(210.0, 211.0)))
            assert answer.result()["underlying_price"].to_list() == [210.5] * 6


def test_a_chain_of_which_nothing_is_subscribed_is_an_error(
    gateway: ScriptedGateway, make_source: MakeSource
) -> None:
    share = gateway.market.share("AAPL", Quote(199.9, 200.1))
    for right in "CP":
        gateway.market.option(share, _NEAR, right, 200.0, Quote(refusal=(10089, "additional subscription")))
    with pytest.raises(SourceError, match="10089") as error:
        make_source().snapshot("option_quotes", ["AAPL"], ChainScope(30, 2))
    assert not error.value.is_passing


def test_messages_keep_the_gateways_rate(make_source: MakeSource) -> None:
    """The real limits on both sides: 50 messages a second there, 45 here."""
    with ScriptedGateway(rules=Rules()).running() as gateway:
        share = _chain(gateway.market)
        for step in range(6, 16):
            for right in "CP":
                gateway.market.option(share, _NEAR, right, 200.0 + step, _QUOTE)
                gateway.market.option(share, _FAR, right, 200.0 + step, _QUOTE)
        source = make_source(port=gateway.port, limits=PacingLimits())
        found = source.snapshot("option_quotes", ["AAPL"])
        assert found.height > 70
        assert len(gateway.received) > 80
        assert gateway.violations == []


def test_a_client_without_the_limit_is_refused_by_the_gateway(make_source: MakeSource) -> None:
    with ScriptedGateway(rules=Rules()).running() as gateway:
        _chain(gateway.market)
        _chain(gateway.market, "MSFT", 400.0)
        with pytest.raises(SourceError, match="100 Max rate of messages") as error:
            make_source(port=gateway.port).snapshot("option_quotes", ["AAPL", "MSFT"])
        assert error.value.is_passing
        assert gateway.violations[0] == "messages a second"


@pytest.mark.parametrize("hours", [0, 4.5])
def test_a_quote_of_a_sunday_is_of_sunday_and_no_session_gets_it(
    gateway: ScriptedGateway, make_source: MakeSource, hours: float
) -> None:
    """Friday's session got it, with Sunday's instant: a price that Friday never had."""
    market = gateway.market
    market.option(_chain(market), _NEAR, "P", 187.5, _QUOTE)
    sunday = date(2026, 11, 22)
    # 20:00 and 00:30 UTC are one day in New York.
    source = make_source(clock=lambda: datetime(2026, 11, 22, 20, tzinfo=UTC) + timedelta(hours=hours))
    quotes = source.snapshot("option_quotes", ["AAPL"])
    assert set(quotes["session"]) == {sunday}
    assert set(source.snapshot("share_quotes", ["AAPL"])["session"]) == {sunday}
    good, refused = clean_option_quotes(quotes, trading_calendar(), "live")
    assert good.is_empty()
    assert set(refused["rule"]) == {"not_a_session"}
