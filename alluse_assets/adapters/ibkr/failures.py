"""What the gateway's error codes mean for somebody who wanted data.

Pure: code and text in, SourceError out. Source of the codes: TWS API, "Message Codes".
"""

from __future__ import annotations

from alluse_assets.base.errors import SourceError

CONNECTION_LOST = 1100
RESTORED_DATA_LOST = 1101
RESTORED = 1102
CLIENT_ID_IN_USE = 326
NO_SUCH_CONTRACT = 200
_HISTORY = 162

_NOT_ENTITLED = frozenset({354, 420, 10089, 10090, 10091, 10168, 10186, 10187})
_REMEDIES: dict[int, tuple[bool, str]] = {
    100: (True, "too many messages a second: another client of this login sends as well; ask again later"),
    101: (True, "no market data line is free: lower ALLUSE_IBKR_LINES, or close other subscriptions"),
    NO_SUCH_CONTRACT: (False, "no such contract: check the symbol"),
    CLIENT_ID_IN_USE: (True, "the client id is in use: set ALLUSE_IBKR_CLIENT_ID to another range"),
    366: (True, "the request was dropped by the gateway: ask again"),
    502: (True, "the gateway cannot be reached: start it and log in"),
    504: (True, "the gateway is not connected: start it and log in"),
    CONNECTION_LOST: (True, "the gateway has lost its connection to the broker: ask again when it is back"),
    RESTORED_DATA_LOST: (True, "the gateway was disconnected meanwhile: ask again"),
    10197: (True, "another session of this login has the live data: log out there"),
}
_UNKNOWN = (False, "see the message code in the TWS API guide")


def failure(code: int, text: str, wanted: str) -> SourceError:
    """The error to raise for what the gateway answered to a request of ``wanted``."""
    passing, remedy = _judged(code, text)
    return SourceError(f"Interactive Brokers, {wanted}: {code} {text.strip()}; {remedy}", passing)


def is_no_data(code: int, text: str) -> bool:
    """Whether the answer is that there are no rows, which is no error."""
    return code == _HISTORY and "no data" in text.lower()


def _judged(code: int, text: str) -> tuple[bool, str]:
    said = text.lower()
    if "pacing violation" in said:
        return True, "too many requests of bars: other clients of this login count too; wait ten minutes"
    if code in _NOT_ENTITLED or "no market data permissions" in said:
        return (
            False,
            "the login has no subscription for it: subscribe, or set ALLUSE_IBKR_MARKET_DATA_TYPE=delayed",
        )
    if code == _HISTORY and "cancel" in said:
        return True, "the request was cancelled by the gateway: ask again"
    return _REMEDIES.get(code, _UNKNOWN)
