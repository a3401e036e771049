"""Alpaca's REST interfaces through the SDK's clients: questions in our words, answers as Alpaca gave them.

What an answer means for our tables is not decided here. Importing this module imports the SDK.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal

from alpaca.common.exceptions import APIError
from alpaca.data.enums import Adjustment, DataFeed, OptionsFeed
from alpaca.data.historical.corporate_actions import CorporateActionsClient
from alpaca.data.historical.option import OptionHistoricalDataClient
from alpaca.data.historical.stock import StockHistoricalDataClient
from alpaca.data.requests import (
    CorporateActionsRequest,
    OptionBarsRequest,
    OptionChainRequest,
    StockBarsRequest,
    StockSnapshotRequest,
)
from alpaca.data.timeframe import TimeFrame
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import AssetStatus
from alpaca.trading.requests import GetOptionContractsRequest

from alluse_assets.adapters.alpaca.call_limiter import CallLimiter
from alluse_assets.adapters.alpaca.patient_session import PatientSession
from alluse_assets.adapters.alpaca.settings import PREFIX, AlpacaSettings
from alluse_assets.base.errors import SourceError
from alluse_assets.base.secrets import Secret

Answer = dict[str, Any]

_SYMBOLS_A_CALL = 100
"""Alpaca takes no more option symbols at once; shares are asked for in the same portions."""
_CONTRACTS_A_PAGE = 10_000


class AlpacaRest:
    """The four clients over one session: one limit of calls, one way to wait, one way to fail."""

    def __init__(self, settings: AlpacaSettings, key_id: Secret, secret_key: Secret) -> None:
        """No call is made yet."""
        self._settings = settings
        self._session = PatientSession(
            CallLimiter(settings.requests_a_minute),
            settings.connect_seconds,
            settings.answer_seconds,
            settings.retry_wait_seconds,
            settings.retry_budget_seconds,
        )
        keys = (key_id.reveal(), secret_key.reveal())
        data = settings.data_url
        self._stocks = StockHistoricalDataClient(*keys, raw_data=True, url_override=data)
        self._options = OptionHistoricalDataClient(*keys, raw_data=True, url_override=data)
        self._actions = CorporateActionsClient(*keys, raw_data=True, url_override=data)
        self._trading = TradingClient(*keys, raw_data=True, url_override=settings.trading_url)
        for client in (self._stocks, self._options, self._actions, self._trading):
            # The SDK has no other place for a time-out than the session that it sends with.
            client._session = self._session

    def stock_bars(
        self, symbols: Sequence[str], length: Literal["day", "minute"], start: datetime, end: datetime
    ) -> Answer:
        """Bars as traded, by symbol: a list each; instants are included at both ends."""
        found: Answer = {}
        for some in _portions(symbols):
            request = StockBarsRequest(
                symbol_or_symbols=some,
                timeframe=_timeframe(length),
                start=start,
                end=end,
                adjustment=Adjustment.RAW,
                feed=DataFeed(self._settings.history_feed),
            )
            found |= self._ask("bars", self._stocks.get_stock_bars, request)
        return found

    def stock_snapshots(self, symbols: Sequence[str]) -> Answer:
        """Latest trade and quote by symbol; symbols without any are absent or null."""
        found: Answer = {}
        for some in _portions(symbols):
            request = StockSnapshotRequest(symbol_or_symbols=some, feed=DataFeed(self._settings.live_feed))
            found |= self._ask("share quotes", self._stocks.get_stock_snapshot, request)
        return found

    def option_chain(
        self, underlying: str, expiries: tuple[date, date] | None, strikes: tuple[float, float] | None
    ) -> Answer:
        """Latest trade and quote by contract symbol; ranges include both ends, None is everything."""
        request = OptionChainRequest(
            underlying_symbol=underlying,
            feed=OptionsFeed(self._settings.option_feed),
            expiration_date_gte=expiries[0] if expiries else None,
            expiration_date_lte=expiries[1] if expiries else None,
            strike_price_gte=strikes[0] if strikes else None,
            strike_price_lte=strikes[1] if strikes else None,
        )
        return self._ask(f"option chain of {underlying}", self._options.get_option_chain, request)

    def option_bars(self, contracts: Sequence[str], start: datetime, end: datetime) -> Answer:
        """Daily bars by contract symbol; instants are included at both ends."""
        found: Answer = {}
        for some in _portions(contracts):
            request = OptionBarsRequest(
                symbol_or_symbols=some, timeframe=_timeframe("day"), start=start, end=end
            )
            found |= self._ask("option bars", self._options.get_option_bars, request)
        return found

    def option_contracts(self, underlying: str, first_expiry: date, is_expired: bool) -> list[Answer]:
        """Listed contracts that expire on ``first_expiry`` or later: those alive, or those that are not."""
        page: str | None = None
        found: list[Answer] = []
        what = f"contracts of {underlying}"
        with self._session.one_call():
            while True:
                request = GetOptionContractsRequest(
                    underlying_symbols=[underlying],
                    status=AssetStatus.INACTIVE if is_expired else AssetStatus.ACTIVE,
                    expiration_date_gte=first_expiry,
                    limit=_CONTRACTS_A_PAGE,
                    page_token=page,
                )
                answer = self._send(what, self._trading.get_option_contracts, request)
                rows = answer.get("option_contracts", None)
                if not isinstance(rows, list):
                    raise SourceError(f"Alpaca: {what}: an answer without option_contracts")
                found += rows
                page = answer.get("next_page_token")
                if page is None:
                    return found

    def corporate_actions(self, symbols: Sequence[str], start: date, end: date) -> Answer:
        """All kinds of actions that Alpaca processed from ``start`` to ``end``: a list a kind."""
        found: dict[str, list[Any]] = {}
        for some in _portions(symbols):
            # The SDK's own limit of 1000 would end the answer there without a word.
            request = CorporateActionsRequest(symbols=some, start=start, end=end, limit=None)
            answer = self._ask("corporate actions", self._actions.get_corporate_actions, request)
            for kind, rows in answer.items():
                found.setdefault(kind, []).extend(rows)
        return found

    def _ask(self, what: str, function: Callable[[Any], Any], request: Any) -> Answer:
        with self._session.one_call():
            return self._send(what, function, request)

    def _send(self, what: str, function: Callable[[Any], Any], request: Any) -> Answer:
        try:
            answer = function(request)
        except APIError as error:
            raise _refused(what, error, self._settings) from None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise SourceError(f"Alpaca: {what}: an answer not of the published form: {error}") from error
        if not isinstance(answer, Mapping):
            raise SourceError(f"Alpaca: {what}: an answer not of the published form")
        return dict(answer)


def _portions(symbols: Sequence[str]) -> Iterator[list[str]]:
    for start in range(0, len(symbols), _SYMBOLS_A_CALL):
        yield list(symbols[start : start + _SYMBOLS_A_CALL])


def _timeframe(length: Literal["day", "minute"]) -> TimeFrame:
    # TimeFrame.Day and .Minute are properties of the class by a decorator that type checkers do not follow.
    from alpaca.data.timeframe import TimeFrameUnit

    return TimeFrame(1, TimeFrameUnit.Day if length == "day" else TimeFrameUnit.Minute)


def _refused(what: str, error: APIError, settings: AlpacaSettings) -> SourceError:
    """What a 4xx answer means, and what to do about it."""
    status = error.status_code
    told = _message(str(error))
    start = f"Alpaca: {what}: HTTP {status}, {told}"
    if "OPRA" in told:
        return SourceError(
            f"{start}: sign the OPRA agreement with Alpaca, or set {PREFIX}OPTION_FEED=indicative (now "
            f"{settings.option_feed})"
        )
    if "subscription" in told.lower():
        return SourceError(
            f"{start}: subscribe to the feed, or set {PREFIX}LIVE_FEED and {PREFIX}HISTORY_FEED to one that "
            f"the plan has (now {settings.live_feed} and {settings.history_feed})"
        )
    if status in (401, 403):
        return SourceError(
            f"{start}: check the keys that {PREFIX}KEY_ID and {PREFIX}SECRET_KEY refer to, and that "
            f"{PREFIX}TRADING_URL ({settings.trading_url}) is of the same account: paper or live"
        )
    return SourceError(start)


def _message(body: str) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return body.strip()[:200] or "no reason given"
