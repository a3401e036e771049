"""What a source of market data must offer. Adapters implement it; routes combine several.

Here: the kinds of data, what a source says of each, and the one Protocol class. Not here: who is asked
first (``routing``), or whether rows are good (cleaning comes after).
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, Protocol, get_args

import polars as pl

from alluse_assets.base.table_catalog import Table
from alluse_assets.market_data.tables import (
    BARS,
    CORPORATE_ACTIONS,
    EARNINGS_DATES,
    INTRADAY_BARS,
    RATES,
    SHARE_QUOTES,
)
from alluse_assets.option_chains.tables import OPTION_BARS, OPTION_QUOTES

DataKind = Literal[
    "bars",
    "intraday_bars",
    "share_quotes",
    "option_quotes",
    "option_bars",
    "rates",
    "corporate_actions",
    "earnings_dates",
]
DATA_KINDS: tuple[DataKind, ...] = get_args(DataKind)

Mode = Literal["history", "snapshot", "stream"]
"""``history``: any past range; ``snapshot``: as it is now; ``stream``: pushed as it happens."""

TABLE_OF: Mapping[DataKind, Table] = {
    "bars": BARS,
    "intraday_bars": INTRADAY_BARS,
    "share_quotes": SHARE_QUOTES,
    "option_quotes": OPTION_QUOTES,
    "option_bars": OPTION_BARS,
    "rates": RATES,
    "corporate_actions": CORPORATE_ACTIONS,
    "earnings_dates": EARNINGS_DATES,
}
"""The table whose columns a source answers with; rates have no symbol."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a source has of one kind.

    Attributes:
        symbols: for each symbol its first and last date, both included; None: it cannot list them and is
            asked for whatever is wanted.
        model_priced: symbols whose rows a model made; they are shown as such wherever they are.
        modes: the ways in which it can be asked.
    """

    symbols: Mapping[str, tuple[date, date]] | None
    model_priced: frozenset[str] = frozenset()
    modes: frozenset[Mode] = frozenset({"history"})

    def has(self, symbol: str, mode: Mode = "history") -> bool:
        """Whether it may be asked for ``symbol`` in this way."""
        return mode in self.modes and (self.symbols is None or symbol in self.symbols)


@dataclass(frozen=True, slots=True)
class ChainScope:
    """Which part of a chain is wanted; a source that pays per contract asks for no more.

    Attributes:
        near_days: expiries up to this many calendar days away, all of them.
        strikes_each_side: strikes nearest to the spot, on each side of it; None: all.
        leaps_days: for each of these, the listed expiry that is nearest to so many days away.
    """

    near_days: int = 30
    strikes_each_side: int | None = None
    leaps_days: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class StreamBatch:
    """What came since the batch before.

    Attributes:
        rows: by kind, raw rows in the order in which they came; empty: nothing came, it still lives.
        connected: whether the connection stands at this moment.
        reconnects: how often it was made again since the stream began.
        missed: messages that could not be read, since the stream began.
    """

    rows: Mapping[DataKind, pl.DataFrame] = field(default_factory=dict)
    connected: bool = True
    reconnects: int = 0
    missed: int = 0


class MarketDataSource(Protocol):
    """A source by name. Ranges include both ends; what is not there is simply absent from the answer.

    Frames have the columns of the kind's table (``TABLE_OF``), sorted by its key. They are not cleaned.
    Of what ``provides`` does not name, nothing is asked. Errors are SourceError, and say whether asking
    again can help.
    """

    @property
    def name(self) -> str:
        """Written on its rows, unless a row says better where it is from."""

    def provides(self) -> Mapping[DataKind, Coverage]:
        """What it has; a kind that is absent cannot be asked for."""

    def history(
        self, kind: DataKind, symbols: Sequence[str], start: date, end: date, scope: ChainScope | None = None
    ) -> pl.DataFrame:
        """Rows of past sessions; ``scope`` bounds option kinds (None: everything listed).

        Raises:
            SourceError: it could not be asked, or its answer is not to be believed.
        """

    def snapshot(
        self, kind: DataKind, symbols: Sequence[str], scope: ChainScope | None = None
    ) -> pl.DataFrame:
        """Rows as they are at this moment.

        Raises:
            SourceError: it could not be asked, or its answer is not to be believed.
        """

    def stream(self, kinds: Mapping[DataKind, Sequence[str]], batch_seconds: float) -> Generator[StreamBatch]:
        """Rows as they come, by kind and symbol, until the iterator is closed; a batch each so often.

        Option quotes are asked for by contract symbol. A connection that drops is made again by the
        source; batches tell how it stands.

        Raises:
            SourceError: it cannot be connected, or is refused.
        """
