"""What a source of market data must offer. Adapters implement it; this package uses nothing else of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, Protocol

import polars as pl

DataKind = Literal["bars", "option_quotes", "rates", "corporate_actions"]


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a source has of one kind: for each symbol its first and last date, both included.

    ``model_priced`` are the symbols whose rows a model made; they are shown as such wherever they are.
    """

    symbols: Mapping[str, tuple[date, date]]
    model_priced: frozenset[str] = frozenset()


class MarketDataSource(Protocol):
    """A source by name. Ranges include both ends; what is not there is simply absent from the result.

    Frames have the columns of the table of the same name (BARS, OPTION_QUOTES, RATES,
    CORPORATE_ACTIONS), sorted by its key. They are not cleaned yet.
    """

    @property
    def name(self) -> str:
        """The name under which the lake keeps what comes from here."""

    def provides(self) -> Mapping[DataKind, Coverage]:
        """What it has; a kind that is absent cannot be asked for."""

    def bars(self, symbols: Sequence[str], start: date, end: date) -> pl.DataFrame:
        """Daily bars as traded, not adjusted."""

    def option_quotes(self, underlyings: Sequence[str], start: date, end: date) -> pl.DataFrame:
        """Quotes of all listed contracts on the underlyings."""

    def rates(self, start: date, end: date) -> pl.DataFrame:
        """Interest rates."""

    def corporate_actions(self, symbols: Sequence[str], start: date, end: date) -> pl.DataFrame:
        """Splits and dividends by ex-date."""
