"""How the scripted gateway answers requests for contracts, bars and quotes, message by message."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import chain

from tests.adapters.ibkr.gateway import Client, handles
from tests.adapters.ibkr.scripted_market import Bar, Instrument, Quote
from tests.adapters.ibkr.wire import CONTRACT_FIELDS, read_contract

NO_DATA = "Historical Market Data Service error message:HMDS query returned no data: "
PACING = "Historical Market Data Service error message:Historical data request pacing violation"
_DELAYED_FROM = 3
_DAYS = {"D": 1, "W": 7, "M": 31, "Y": 366}


@handles(9)
def contract_details(client: Client, fields: list[str]) -> None:
    request, sought = int(fields[2]), read_contract(fields[3:])
    found = client.gateway.market.found(sought)
    if not found:
        client.error(request, 200, "No security definition has been found for the request")
        return
    for instrument in found:
        client.send(*_details(client, request, instrument, sought.exchange))
    client.send(52, 1, request)


@handles(78)
def option_parameters(client: Client, fields: list[str]) -> None:
    _, request, symbol, _, _, con_id = fields
    market = client.gateway.market
    options = [i for i in market.instruments if i.sec_type == "OPT" and i.symbol == symbol]
    classes = sorted({(i.trading_class, i.multiplier) for i in options})
    for exchange in ("SMART", "CBOE"):
        for name, multiplier in classes:
            of_class = [i for i in options if (i.trading_class, i.multiplier) == (name, multiplier)]
            expiries = sorted({i.expiry for i in of_class})
            strikes = sorted({i.strike for i in of_class})
            client.send(
                75,
                int(request),
                exchange,
                con_id,
                name,
                multiplier,
                len(expiries),
                *expiries,
                len(strikes),
                *strikes,
            )
    client.send(76, int(request))


@handles(20)
def historical_data(client: Client, fields: list[str]) -> None:
    request, sought = int(fields[1]), read_contract(fields[2:])
    _, until, size, duration, *_ = fields[2 + CONTRACT_FIELDS :]
    if not client.gateway.paces_bars(sought.con_id, tuple(fields[2:])):
        client.error(request, 162, PACING)
        return
    end = datetime.strptime(until, "%Y%m%d %H:%M:%S UTC").replace(tzinfo=UTC) if until else None
    count, unit = duration.split()
    bars = client.gateway.market.bars.get((sought.con_id, size), [])
    chosen = [bar for bar in bars if end is None or _begins(bar) < end]
    if size == "1 day" and unit == "D":
        chosen = chosen[-int(count) :]
    else:
        last = end or max((_begins(bar) for bar in chosen), default=datetime.now(UTC))
        # "D" counts sessions; a few days more than that is what a week-end makes of it.
        reach = timedelta(days=int(count) * _DAYS[unit] * 7 // 5 + 2)
        chosen = [bar for bar in chosen if _begins(bar) >= last - reach]
    if not chosen:
        client.error(request, 162, NO_DATA + sought.symbol)
        return
    client.send(17, request, "", "", len(chosen), *chain.from_iterable(map(_bar_fields, chosen)))


@handles(25)
def cancel_historical_data(client: Client, fields: list[str]) -> None:
    client.error(int(fields[2]), 162, "Historical Market Data Service error message:API query cancelled")


@handles(1)
def market_data(client: Client, fields: list[str]) -> None:
    request, sought = int(fields[2]), read_contract(fields[3:])
    _, generic_ticks, snapshot, *_ = fields[3 + CONTRACT_FIELDS :]
    if snapshot == "1" and generic_ticks:
        client.error(request, 321, "Snapshot market data subscription is not applicable to generic ticks")
        return
    if len(client.lines) >= client.gateway.rules.lines:
        client.gateway.violations.append("lines")
        client.error(request, 101, "Max number of tickers has been reached")
        return
    quote = client.gateway.market.quotes.get(sought.con_id, Quote(is_silent=True))
    if quote.refusal is not None:
        client.error(request, *quote.refusal)
        return
    if quote.notice is not None:
        client.error(request, *quote.notice)
    client.lines.add(request)
    if snapshot == "0":
        client.subscriptions[sought.con_id] = request
    right = client.gateway.market.by_id(sought.con_id).right
    if quote.is_silent:
        return
    if snapshot == "0":
        send_ticks(client, request, quote, right, generic_ticks)
        return

    def answer() -> None:
        send_ticks(client, request, quote, right)
        if quote.ends:
            client.lines.discard(request)
            client.send(57, 1, request)

    client.gateway.later(answer)


@handles(2)
def cancel_market_data(client: Client, fields: list[str]) -> None:
    request = int(fields[2])
    client.lines.discard(request)
    client.subscriptions = {c: r for c, r in client.subscriptions.items() if r != request}


@handles(59)
def market_data_type(client: Client, fields: list[str]) -> None:
    client.data_type = int(fields[2])


@handles(49)
def current_time(client: Client, _: list[str]) -> None:
    client.send(49, 1, int(datetime.now(UTC).timestamp()))


@handles(61)
def positions(client: Client, _: list[str]) -> None:
    client.send(62, 1)


@handles(62)
def account_summary(client: Client, fields: list[str]) -> None:
    client.send(64, 1, int(fields[2]))


def send_ticks(client: Client, request: int, quote: Quote, right: str = "", generic_ticks: str = "") -> None:
    """A quote as price and size ticks; a side that is None is sent as the gateway says "none": -1."""
    delayed = quote.data_type >= _DELAYED_FROM
    bid, ask, last, volume = (66, 67, 68, 74) if delayed else (1, 2, 4, 8)
    client.send(58, 1, request, quote.data_type)
    if quote.last is not None:
        client.send(1, 6, request, last, quote.last, 1, 0)
    if quote.volume is not None:
        client.send(2, 6, request, volume, quote.volume)
    if quote.open_interest is not None and "101" in generic_ticks:
        client.send(2, 6, request, 27 if right == "C" else 28, quote.open_interest)
    for tick, price, size in ((bid, quote.bid, quote.bid_size), (ask, quote.ask, quote.ask_size)):
        client.send(1, 6, request, tick, -1 if price is None else price, 0 if price is None else size, 0)


def push_quote(client: Client, con_id: int, quote: Quote, right: str = "") -> None:
    """Ticks to whoever has subscribed to the contract."""
    if con_id in client.subscriptions:
        send_ticks(client, client.subscriptions[con_id], quote, right, "101")


def _details(client: Client, request: int, i: Instrument, exchange: str) -> tuple[object, ...]:
    is_option = i.sec_type == "OPT"
    under = client.gateway.market.underlying_id(i) if is_option else 0
    trading = ("20261120:0930-20261120:1600", "20261120:0930-20261120:1600")
    return (
        *(10, request, i.symbol, i.sec_type, i.expiry, i.strike, i.right, exchange or i.exchange, "USD"),
        *(i.local_symbol, i.trading_class, i.trading_class, i.con_id, 0.01, i.multiplier),
        *("LMT", "SMART,CBOE", 1, under, f"{i.symbol} NAME", "NASDAQ", i.expiry[:6], "", "", ""),
        *("US/Eastern", *trading, "", 0, 0),
        *(1, i.symbol if is_option else "", "STK" if is_option else "", "26", i.expiry, "COMMON"),
        *(1, 1, 100),
    )


def _begins(bar: Bar) -> datetime:
    if isinstance(bar.at, datetime):
        return bar.at
    return datetime(bar.at.year, bar.at.month, bar.at.day, 14, 30, tzinfo=UTC)


def _bar_fields(bar: Bar) -> tuple[object, ...]:
    at = int(bar.at.timestamp()) if isinstance(bar.at, datetime) else f"{bar.at:%Y%m%d}"
    return (at, bar.open, bar.high, bar.low, bar.close, bar.volume, bar.close, 10)
