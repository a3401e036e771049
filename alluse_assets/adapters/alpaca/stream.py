"""Alpaca's streams as batches of rows: shares and options together, in the order in which they came.

A batch comes every so often even when nothing did. Rows are cut from messages by ``stream_rows``; the
connections are ``connection``'s matter. Importing this module imports the SDK.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack

from alluse_assets.adapters.alpaca.connection import Connection, Inbox
from alluse_assets.adapters.alpaca.rest import AlpacaRest
from alluse_assets.adapters.alpaca.settings import AlpacaSettings
from alluse_assets.adapters.alpaca.share_rows import spot_prices
from alluse_assets.adapters.alpaca.stream_rows import Channel, StreamRows, underlying_of
from alluse_assets.base.calendar import TradingCalendar
from alluse_assets.base.errors import SourceError
from alluse_assets.base.secrets import Secret
from alluse_assets.market_data.source import DataKind, StreamBatch


def stream_batches(
    settings: AlpacaSettings,
    keys: tuple[Secret, Secret],
    calendar: TradingCalendar,
    rest: AlpacaRest,
    kinds: Mapping[DataKind, Sequence[str]],
    batch_seconds: float,
) -> Generator[StreamBatch]:
    """A batch every ``batch_seconds``, until the iterator is closed.

    Raises:
        SourceError: the streams cannot be connected within the budget of time, or are refused.
    """
    contracts = list(kinds.get("option_quotes", ()))
    underlyings = sorted({underlying_of(symbol) for symbol in contracts})
    rows = StreamRows(settings, calendar, kinds, spot_prices(rest.stock_snapshots(underlyings)))
    inbox = Inbox(settings.stream_buffer)
    connections = _connections(settings, keys, inbox, kinds, underlyings)
    give_up_at = time.monotonic() + settings.retry_budget_seconds
    with ExitStack() as stack:
        for connection in connections:
            stack.callback(connection.stop)
            connection.start()
        while True:
            inbox.ended.wait(batch_seconds)
            messages, missed = inbox.take()
            batch = rows.read(messages)
            standings = [connection.standing for connection in connections]
            if batch or not inbox.ended.is_set():
                yield StreamBatch(
                    batch,
                    connected=all(standing.is_connected for standing in standings),
                    reconnects=sum(max(0, standing.connections - 1) for standing in standings),
                    missed=missed + rows.unreadable,
                )
            for standing in standings:
                if standing.failure is not None:
                    raise standing.failure
                if not standing.connections and time.monotonic() > give_up_at:
                    raise SourceError(f"Alpaca's stream cannot be connected: {standing.trouble}", True)


def _connections(
    settings: AlpacaSettings,
    keys: tuple[Secret, Secret],
    inbox: Inbox,
    kinds: Mapping[DataKind, Sequence[str]],
    underlyings: Sequence[str],
) -> list[Connection]:
    quotes = sorted({*kinds.get("share_quotes", ()), *underlyings})
    bars = sorted(set(kinds.get("intraday_bars", ())))
    shares: dict[Channel, Sequence[str]] = {}
    if quotes:
        shares["quotes"] = quotes
    if bars:
        # A bar that late trades changed comes again, half a minute later.
        shares |= {"bars": bars, "updated_bars": bars}
    found = []
    if shares:
        found.append(Connection("shares", settings, keys, inbox, shares))
    if contracts := sorted(set(kinds.get("option_quotes", ()))):
        found.append(Connection("options", settings, keys, inbox, {"option_quotes": contracts}))
    if not found:
        raise SourceError("Alpaca's stream: no symbol was asked for")
    return found
