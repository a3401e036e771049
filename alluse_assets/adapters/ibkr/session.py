"""One connection to the gateway: opened, asked within the limits, closed. Every fault is a SourceError.

Here: connecting, time-outs, pacing, what the gateway says of itself. Not here: what is asked for.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from alluse_assets.adapters.ibkr.failures import (
    CLIENT_ID_IN_USE,
    CONNECTION_LOST,
    NO_SUCH_CONTRACT,
    RESTORED_DATA_LOST,
    failure,
)
from alluse_assets.adapters.ibkr.pacing import Claim, Pacer, PacingLimits
from alluse_assets.adapters.ibkr.settings import IbkrSettings
from alluse_assets.base.errors import SourceError

if TYPE_CHECKING:
    from ib_async import IB, Contract, ContractDetails, Ticker

_MARKET_DATA_TYPES = {"live": 1, "frozen": 2, "delayed": 3, "delayed-frozen": 4}
_Answer = TypeVar("_Answer")


class UnknownContractError(SourceError):
    """The gateway answered, and knows no such contract: rows of it are absent, nothing is broken."""


class GatewaySession:
    """An open connection. ``read_only``: it asks for data, and has no way to send an order."""

    def __init__(self, ib: IB, settings: IbkrSettings, limits: PacingLimits, pacer: Pacer) -> None:
        """``ib`` is connected."""
        self.ib = ib
        self.settings = settings
        self.limits = limits
        self.unreadable = _CountingLogger(ib.client.decoder.logger)
        ib.client.decoder.logger = self.unreadable  # type: ignore[assignment]
        self.lines = asyncio.Semaphore(settings.lines)
        self.refused: dict[int, SourceError] = {}
        self._pacer = pacer
        self._lost: asyncio.Future[SourceError] = asyncio.get_running_loop().create_future()
        ib.errorEvent += self._on_error
        ib.disconnectedEvent += self._on_disconnect

    @property
    def lost(self) -> asyncio.Future[SourceError]:
        """Done when the connection is gone, with the reason."""
        return self._lost

    async def ask(
        self,
        wanted: str,
        request: Callable[[], Awaitable[_Answer]],
        seconds: float,
        claims: Sequence[Claim] = (),
    ) -> _Answer:
        """The answer to ``request``, sent when the limits allow it.

        Raises:
            SourceError: it was refused, or did not come within ``seconds`` of being sent, or the
                connection went away.
        """
        from ib_async.wrapper import RequestError

        await self._pacer.admit([Claim(self.limits.messages), *claims])
        if self._lost.done():
            raise self._lost.result()

        async def run() -> _Answer:
            return await request()

        answer = asyncio.ensure_future(run())
        try:
            first: set[asyncio.Future[Any]] = {answer, self._lost}
            await asyncio.wait(first, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                return answer.result()
        except RequestError as error:
            raise failure(error.code, error.message, wanted) from error
        except ConnectionError as error:
            raise _gone(self.settings, wanted) from error
        finally:
            answer.cancel()
        if self._lost.done():
            raise self._lost.result()
        raise SourceError(
            f"Interactive Brokers, {wanted}: no answer from {self.settings.place} within {seconds:g} s; "
            "ask again later",
            is_passing=True,
        )

    async def details(self, contract: Contract, wanted: str) -> list[ContractDetails]:
        """What the gateway lists for ``contract``; nothing where it knows none.

        Raises:
            SourceError: it could not be asked.
        """
        from ib_async.wrapper import RequestError

        async def known() -> list[ContractDetails]:
            try:
                return await self.ib.reqContractDetailsAsync(contract)
            except RequestError as error:
                if error.code != NO_SUCH_CONTRACT:
                    raise
                return []

        return await self.ask(wanted, known, self.settings.timeout_seconds)

    async def qualify(self, contract: Contract, wanted: str) -> Contract:
        """The one contract that the gateway knows by this description.

        Raises:
            UnknownContractError: it knows none.
            SourceError: it knows several.
        """
        found = {d.contract.conId: d.contract for d in await self.details(contract, wanted) if d.contract}
        if not found:
            raise UnknownContractError(f"Interactive Brokers knows no {wanted}; check the symbol")
        if len(found) > 1:
            raise SourceError(
                f"Interactive Brokers, {wanted}: {len(found)} contracts have this name; route the symbol "
                "to another source"
            )
        (qualified,) = found.values()
        if contract.exchange == "SMART":
            qualified.exchange = "SMART"
        return qualified

    async def subscribe(self, contract: Contract, generic_ticks: str) -> Ticker:
        """A ticker that is kept up to date; a refusal is found in ``refused`` by contract id."""
        await self._pacer.admit([Claim(self.limits.messages)])
        if self._lost.done():
            raise self._lost.result()
        return self.ib.reqMktData(contract, generic_ticks, False, False)

    def unsubscribe(self, contract: Contract) -> None:
        """End a subscription; a connection that is gone has ended it already."""
        if self.ib.isConnected():
            self.ib.cancelMktData(contract)

    def close(self) -> None:
        """Disconnect."""
        self.ib.errorEvent -= self._on_error
        self.ib.disconnectedEvent -= self._on_disconnect
        self.ib.disconnect()

    def _on_error(self, request: int, code: int, text: str, contract: Contract | None) -> None:
        if code in (CONNECTION_LOST, RESTORED_DATA_LOST):
            self._lose(failure(code, text, self.settings.place))
        elif contract is not None and contract.conId and not _is_notice(code):
            self.refused[contract.conId] = failure(code, text, contract.localSymbol or contract.symbol)
        elif code == 100:
            self._lose(failure(code, text, self.settings.place))

    def _on_disconnect(self) -> None:
        self._lose(_gone(self.settings, "the connection"))

    def _lose(self, reason: SourceError) -> None:
        if not self._lost.done():
            self._lost.set_result(reason)


@asynccontextmanager
async def gateway_session(
    settings: IbkrSettings, limits: PacingLimits, pacer: Pacer
) -> AsyncIterator[GatewaySession]:
    """A connection that is closed at the end, whatever happens.

    Raises:
        SourceError: nobody answers, or every client id is in use.
    """
    ib = await _connect(settings, limits)
    session = GatewaySession(ib, settings, limits, pacer)
    try:
        ib.reqMarketDataType(_MARKET_DATA_TYPES[settings.market_data_type])
        yield session
    finally:
        session.close()
        # The transport closes in the next turn of the loop; without it a socket would be left open.
        await asyncio.sleep(0)


async def _connect(settings: IbkrSettings, limits: PacingLimits) -> IB:
    for client_id in range(settings.client_id, settings.client_id + settings.client_ids):
        connected = await _try_client_id(settings, limits, client_id)
        if connected is not None:
            return connected
    last = settings.client_id + settings.client_ids - 1
    raise failure(CLIENT_ID_IN_USE, f"client ids {settings.client_id} to {last}", settings.place)


async def _try_client_id(settings: IbkrSettings, limits: PacingLimits, client_id: int) -> IB | None:
    """A connection, or None when the id is in use."""
    from ib_async import IB, StartupFetchNONE

    # It logs every refusal at length; we say the same once, in our own words.
    logging.getLogger("ib_async").addHandler(logging.NullHandler())
    ib = IB()
    ib.RaiseRequestErrors = True
    ib.client.MaxRequests = limits.messages.most
    refused: asyncio.Future[SourceError | None] = asyncio.get_running_loop().create_future()

    def on_error(_: int, code: int, text: str, __: Any) -> None:
        if code == CLIENT_ID_IN_USE and not refused.done():
            refused.set_result(None)
        elif code in (502, 504, CONNECTION_LOST) and not refused.done():
            refused.set_result(failure(code, text, settings.place))

    def on_closed(message: str) -> None:
        if not refused.done():
            refused.set_result(_closed(settings, message or "it closed the connection at once"))

    ib.errorEvent += on_error
    ib.client.apiError += on_closed
    ib.client.conn.disconnected += on_closed
    attempt = asyncio.ensure_future(
        ib.connectAsync(
            settings.host,
            settings.port,
            client_id,
            settings.timeout_seconds,
            readonly=settings.read_only,
            fetchFields=StartupFetchNONE,
        )
    )
    try:
        await asyncio.wait({attempt, refused}, return_when=asyncio.FIRST_COMPLETED)
        if attempt.done():
            attempt.result()
            return ib
        reason = refused.result()
    except TimeoutError as error:
        raise SourceError(
            f"Interactive Brokers: {settings.place} accepts connections and does not answer within "
            f"{settings.timeout_seconds:g} s; is the gateway logged in, and its API switched on?",
            is_passing=True,
        ) from error
    except OSError as error:
        raise _closed(settings, str(error)) from error
    finally:
        ib.errorEvent -= on_error
        ib.client.apiError -= on_closed
        ib.client.conn.disconnected -= on_closed
        if not attempt.done():
            attempt.cancel()
            await asyncio.gather(attempt, return_exceptions=True)
    if reason is not None:
        raise reason
    return None


def _is_notice(code: int) -> bool:
    """Codes that announce something and refuse nothing: data farms, delayed data instead of live."""
    return 2100 <= code < 2200 or code in (RESTORED_DATA_LOST, 1102, 10167)


def _gone(settings: IbkrSettings, wanted: str) -> SourceError:
    return SourceError(
        f"Interactive Brokers, {wanted}: {settings.place} closed the connection; ask again when it is back",
        is_passing=True,
    )


def _closed(settings: IbkrSettings, message: str) -> SourceError:
    return SourceError(
        f"Interactive Brokers: {settings.place} cannot be reached ({message}); start TWS or the gateway, log "
        "in, and check ALLUSE_IBKR_HOST and ALLUSE_IBKR_PORT",
        is_passing=True,
    )


class _CountingLogger(logging.LoggerAdapter[logging.Logger]):
    """Counts the messages that the library could not read: it tells of them in its log only."""

    def __init__(self, logger: logging.Logger) -> None:
        super().__init__(logger, {})
        self.count = 0

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        self.count += level >= logging.ERROR
        super().log(level, msg, *args, **kwargs)
