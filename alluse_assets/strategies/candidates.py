"""The entry candidates: every contract an account kind could open in a session, with what refused it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

import polars as pl

from alluse_assets.base.table_catalog import Column, Table
from alluse_assets.market_data.tables import UTC_MICROSECONDS

Earnings = Mapping[str, frozenset[date]]
"""Known earnings dates by symbol, past and to come; a symbol that is absent is unknown."""


class Refusal(StrEnum):
    """Why a candidate is not taken. The first group is the market's, judged on columns; the second is
    the account's, judged where its state is known."""

    QUOTE_STALE = "quote_stale"
    NO_BID = "no_bid"
    SPREAD_TOO_WIDE = "spread_too_wide"
    OPEN_INTEREST_LOW = "open_interest_low"
    VOLUME_TOO_THIN = "volume_too_thin"
    NOT_STANDARD = "not_standard"
    AM_SETTLED = "am_settled"
    EARNINGS_INSIDE = "earnings_inside"
    EARNINGS_UNKNOWN = "earnings_unknown"
    NO_DELTA = "no_delta"
    DELTA_OUT_OF_BAND = "delta_out_of_band"
    YIELD_UNDER_FLOOR = "yield_under_floor"

    BELOW_ADJUSTED_BASIS = "below_adjusted_basis"
    ALREADY_SHORT = "already_short"
    NOT_BEST = "not_best"
    SIZE_ZERO = "size_zero"


REFUSAL_TEXT: Mapping[Refusal, str] = {
    Refusal.QUOTE_STALE: "the quote is older than allowed",
    Refusal.NO_BID: "nobody bids",
    Refusal.SPREAD_TOO_WIDE: "the spread is too wide for its price",
    Refusal.OPEN_INTEREST_LOW: "too little open interest",
    Refusal.VOLUME_TOO_THIN: "even one contract is too much of the volume",
    Refusal.NOT_STANDARD: "an adjusted or foreign series",
    Refusal.AM_SETTLED: "settled in the morning: never opened",
    Refusal.EARNINGS_INSIDE: "earnings inside the option's life",
    Refusal.EARNINGS_UNKNOWN: "no earnings date is known",
    Refusal.NO_DELTA: "no implied volatility, hence no delta",
    Refusal.DELTA_OUT_OF_BAND: "delta outside the band",
    Refusal.YIELD_UNDER_FLOOR: "premium yield under the floor",
    Refusal.BELOW_ADJUSTED_BASIS: "strike under the shares' adjusted basis",
    Refusal.ALREADY_SHORT: "the account is short or long of it already",
    Refusal.NOT_BEST: "a better candidate was taken",
    Refusal.SIZE_ZERO: "no contract fits the account's cash or caps",
}

CANDIDATES = Table(
    name="entry_candidates",
    description="Every contract inside an account kind's days to expiry on its entry sessions, screened.",
    grain="one account kind and option contract at one instant",
    layer="core",
    key=("session", "kind", "contract_symbol", "decided_at"),
    columns=(
        Column("session", pl.Date, "Session of the decision"),
        Column("decided_at", UTC_MICROSECONDS, "Instant of the look that it is a candidate of", "UTC"),
        Column("kind", pl.String, "Account kind", allowed=("gen", "rev", "com")),
        Column("right", pl.String, "P put, C call", allowed=("C", "P")),
        Column("symbol", pl.String, "Underlying"),
        Column("contract_symbol", pl.String, "OCC symbol of the contract"),
        Column("expiry", pl.Date, "Expiry date"),
        Column("dte_days", pl.Int32, "Calendar days to expiry", "days", low=0),
        Column("strike", pl.Float64, "Strike", "USD per share", low=0),
        Column("bid", pl.Float64, "Bid", "USD per share", low=0),
        Column("ask", pl.Float64, "Ask", "USD per share", low=0),
        Column("credit", pl.Float64, "What selling really gives", "USD per share", low=0),
        Column("delta_points", pl.Float64, "Absolute delta of our model", "delta points", True, 0, 100),
        Column("band_low", pl.Float64, "Low end of the week's delta band", "delta points"),
        Column("band_high", pl.Float64, "High end of the week's delta band", "delta points"),
        Column("premium_yield", pl.Float64, "Credit / strike", "share", low=0),
        Column("floor", pl.Float64, "Lowest premium yield taken", "share"),
        Column("volume", pl.Int64, "Contracts traded in the session", "contracts", True, 0),
        Column("open_interest", pl.Int64, "Open contracts", "contracts", True, 0),
        Column("reasons", pl.List(pl.String), "What the market screen refused; empty: passed"),
        Column(
            "rank", pl.Int32, "1 is the best that passed at its instant, in its kind and right", nullable=True
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One candidate that passed the market screen, or all of it but the floor.

    ``delta_micro`` are millionths of a delta point.
    """

    contract: str
    symbol: str
    right: str
    expiry: date
    strike: Decimal
    credit: Decimal
    delta_micro: int
    yield_ppm: int
    rank: int
    volume: int | None


@dataclass(frozen=True, slots=True)
class Screened:
    """The screen's outcome for one kind, right and symbol in one session."""

    considered: int
    refused: Mapping[str, int]
    """How often each reason was given; a candidate may have several."""
    floor_alone: int
    """How many were refused by the premium floor and nothing else."""
    passed: tuple[Candidate, ...]
    """Best first."""
    floor_only: tuple[Candidate, ...] = ()
    """Those refused by the premium floor and nothing else, best first; ``rank`` is among themselves."""
