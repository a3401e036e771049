"""The TWS socket protocol as bytes: frames of fields, and how a contract lies in a request.

Server version 178, the newest that ib_async 2.1 offers. Nothing of any market is here.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

SERVER_VERSION = 178
CONTRACT_FIELDS = 12


@dataclass(frozen=True)
class Sought:
    """A contract as a client describes it; empty text and 0 are "any"."""

    con_id: int
    symbol: str
    sec_type: str
    expiry: str
    strike: float
    right: str
    exchange: str
    currency: str
    local_symbol: str
    trading_class: str


def frame(*fields: object) -> bytes:
    """One message: length, then each field ended by a zero byte."""
    body = b"".join(_text(field).encode() + b"\0" for field in fields)
    return struct.pack(">I", len(body)) + body


def fields_of(body: bytes) -> list[str]:
    """The fields of one message's body."""
    return body.decode().split("\0")[:-1]


def read_contract(fields: list[str]) -> Sought:
    """The contract at the beginning of ``fields``, in the order in which requests write it."""
    con_id, symbol, sec_type, expiry, strike, right, _, exchange, _, currency, local, trading = fields[
        :CONTRACT_FIELDS
    ]
    return Sought(
        int(con_id or 0),
        symbol,
        sec_type,
        expiry,
        float(strike or 0),
        right,
        exchange,
        currency,
        local,
        trading,
    )


def _text(field: object) -> str:
    return str(int(field)) if isinstance(field, bool) else str(field)
