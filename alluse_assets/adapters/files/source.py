"""What was taken in from files, as a market data source: history only, as it lies in the lake."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from datetime import date

import polars as pl

from alluse_assets.adapters.files.ingest import SOURCE
from alluse_assets.adapters.files.kinds import KINDS
from alluse_assets.adapters.lake import Lake
from alluse_assets.base.errors import SourceError
from alluse_assets.market_data.routing import day_column, symbol_column
from alluse_assets.market_data.source import ChainScope, Coverage, DataKind, StreamBatch


class FilesSource:
    """The good rows of every file that ``alluse ingest`` took in, by kind, before a market judges them."""

    def __init__(self, lake: Lake) -> None:
        """``lake``: the one that files are taken into."""
        self._lake = lake
        self._known: dict[DataKind, tuple[str, Coverage]] = {}

    @property
    def name(self) -> str:
        """``files``."""
        return SOURCE

    def provides(self) -> Mapping[DataKind, Coverage]:
        """What is in the lake now, by kind and symbol, with first and last date."""
        return {
            kind: self._coverage(kind) for kind, one in KINDS.items() if self._lake.has(one.stored, SOURCE)
        }

    def history(
        self, kind: DataKind, symbols: Sequence[str], start: date, end: date, scope: ChainScope | None = None
    ) -> pl.DataFrame:
        """Rows of past sessions; they cost nothing, so ``scope`` leaves none away.

        Raises:
            SourceError: no file had any of the kind.
        """
        table = KINDS[kind].stored
        if not self._lake.has(table, SOURCE):
            raise SourceError(
                f"no {kind} from files in the lake: take them in with alluse ingest --path FILE"
            )
        wanted = None if kind == "rates" else pl.col(symbol_column(kind)).is_in(list(symbols))
        return self._lake.read(table, SOURCE, start, end, where=wanted).sort(table.key)

    def snapshot(
        self, kind: DataKind, symbols: Sequence[str], scope: ChainScope | None = None
    ) -> pl.DataFrame:
        """Nothing: a file is of the past.

        Raises:
            SourceError: always.
        """
        raise SourceError(f"files are history: they have no {kind} of this moment")

    def stream(self, kinds: Mapping[DataKind, Sequence[str]], batch_seconds: float) -> Generator[StreamBatch]:
        """Nothing: a file is of the past.

        Raises:
            SourceError: always.
        """
        raise SourceError("files are history: they stream nothing")

    def _coverage(self, kind: DataKind) -> Coverage:
        """Read again when the lake has changed: that costs two columns of everything."""
        table = KINDS[kind].stored
        content = self._lake.content_id(table, SOURCE)
        known = self._known.get(kind)
        if known is None or known[0] != content:
            symbol = "tenor_days" if kind == "rates" else symbol_column(kind)
            day = day_column(table)
            spans = (
                self._lake.scan(table, SOURCE, columns=[day, symbol])
                .group_by(symbol)
                .agg(first=pl.col(day).min(), last=pl.col(day).max())
                .sort(symbol)
                .collect()
            )
            unit = " days" if kind == "rates" else ""
            known = content, Coverage({f"{name}{unit}": (a, b) for name, a, b in spans.iter_rows()})
            self._known[kind] = known
        return known[1]
