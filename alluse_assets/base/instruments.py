"""Instruments and their names: shares, option contracts, OCC option symbols.

The OCC (OSI) symbol is the contract's identity everywhere: root padded to six characters, YYMMDD,
C or P, strike times 1000 in eight digits. We store the compact form without the padding.
Source: OCC Options Symbology Initiative.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Literal

import polars as pl

from alluse_assets.base.errors import DataError

Right = Literal["C", "P"]

_OSI = re.compile(r"^([A-Z0-9.^]{1,6}) *(\d{2})(\d{2})(\d{2})([CP])(\d{8})$")
_NOT_IN_A_ROOT = r"[^A-Z0-9]"
_OSI_TAIL = 15


@dataclass(frozen=True, slots=True)
class OptionContract:
    """One listed series. ``strike`` in USD per share; ``root`` differs from the underlying for SPXW."""

    root: str
    expiry: date
    right: Right
    strike: Decimal

    @property
    def symbol(self) -> str:
        """Compact OCC symbol, for example ``AAPL110121P00320000``."""
        return f"{self.root}{self.expiry:%y%m%d}{self.right}{int(self.strike * 1000):08d}"

    @property
    def padded_symbol(self) -> str:
        """The 21-character OCC form with the root padded by spaces."""
        return f"{self.root:<6}{self.symbol[len(self.root) :]}"


@lru_cache(maxsize=65536)
def parse_occ_symbol(symbol: str) -> OptionContract:
    """The contract that an OCC symbol, padded or compact, names.

    Raises:
        DataError: the text is no OCC symbol, or its date or strike cannot be.
    """
    match = _OSI.match(symbol.strip())
    if not match:
        raise DataError(f"{symbol!r} is no OCC option symbol (expected ROOT, YYMMDD, C or P, strike x 1000)")
    root, yy, mm, dd, right, digits = match.groups()
    try:
        expiry = date(2000 + int(yy), int(mm), int(dd))
    except ValueError as error:
        raise DataError(f"{symbol!r}: {yy}{mm}{dd} is no date") from error
    if int(digits) == 0:
        raise DataError(f"{symbol!r}: a strike of zero")
    strike = Decimal(int(digits)) / 1000
    return OptionContract(root, expiry, "C" if right == "C" else "P", strike)


def instrument_words(instrument: str, quantity: int) -> str:
    """So many of an instrument as people say it: ``2 AAPL 330 puts of Fri 2011-01-07``, ``1 AAPL share``."""
    many = "" if quantity == 1 else "s"
    if not is_option(instrument):
        return f"{quantity} {instrument} share{many}"
    contract = parse_occ_symbol(instrument)
    side = "put" if contract.right == "P" else "call"
    strike = f"{contract.strike.normalize():f}"
    return f"{quantity} {contract.root} {strike} {side}{many} of {contract.expiry:%a %Y-%m-%d}"


def is_option(instrument: str) -> bool:
    """Whether an instrument id is an option's (an OCC symbol) rather than a share's ticker."""
    return _OSI.match(instrument) is not None


def root_of(underlying: str) -> str:
    """The root that standard options on a share trade under: its ticker without punctuation.

    ``BRKB`` for ``BRK.B``: the OCC's roots have letters and digits only.
    """
    return re.sub(_NOT_IN_A_ROOT, "", underlying)


def root_of_each(underlying: pl.Expr) -> pl.Expr:
    """``root_of`` in columns."""
    return underlying.str.replace_all(_NOT_IN_A_ROOT, "")


def root_in(contract_symbol: pl.Expr) -> pl.Expr:
    """The root that each compact OCC symbol begins with."""
    return contract_symbol.str.head(-_OSI_TAIL)
