"""One open connection to the gateway, asked within its limits. Every fault is a SourceError.

Here: time-outs, pacing, what the gateway says of itself. Not here: how it is opened, what is asked for.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from alluse_assets.adapters.ibkr.failures import (
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
        self.open_bars = asyncio.Semaphore(limits.open_bars)
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

    def end_snapshot(self, contract: Contract) -> None:
        """Give the line of a snapshot back that the gateway has not ended; it would stay open otherwise."""
        ticker = self.ib.ticker(contract)
        request = self.ib.wrapper.endTicker(ticker, "snapshot") if ticker else 0
        if request and self.ib.isConnected():
            self.ib.client.cancelMktData(request)  # type: ignore[no-untyped-call]

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


async def together(work: Iterable[Coroutine[Any, Any, _Answer]]) -> list[_Answer]:
    """The answers in order; the first failure ends the rest, which would go on asking otherwise."""
    tasks = [asyncio.ensure_future(part) for part in work]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


def _is_notice(code: int) -> bool:
    """Codes that announce something and refuse nothing: data farms, delayed data instead of live."""
    return 2100 <= code < 2200 or code in (RESTORED_DATA_LOST, 1102, 10167)


def _gone(settings: IbkrSettings, wanted: str) -> SourceError:
    return SourceError(
        f"Interactive Brokers, {wanted}: {settings.place} closed the connection; ask again when it is back",
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
