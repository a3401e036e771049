"""Connecting to the gateway: the first client id that is free, and what to say when nobody lets us in."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from alluse_assets.adapters.ibkr.failures import CLIENT_ID_IN_USE, CONNECTION_LOST, failure
from alluse_assets.adapters.ibkr.pacing import Pacer, PacingLimits
from alluse_assets.adapters.ibkr.session import GatewaySession
from alluse_assets.adapters.ibkr.settings import IbkrSettings
from alluse_assets.base.errors import SourceError

if TYPE_CHECKING:
    from ib_async import IB

_MARKET_DATA_TYPES = {"live": 1, "frozen": 2, "delayed": 3, "delayed-frozen": 4}
_UNREACHABLE = (502, 504, CONNECTION_LOST)


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
        elif code in _UNREACHABLE and not refused.done():
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


def _closed(settings: IbkrSettings, message: str) -> SourceError:
    return SourceError(
        f"Interactive Brokers: {settings.place} cannot be reached ({message}); start TWS or the gateway, log "
        "in, and check ALLUSE_IBKR_HOST and ALLUSE_IBKR_PORT",
        is_passing=True,
    )
