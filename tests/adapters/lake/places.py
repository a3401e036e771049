"""Where the tests of the lake keep one: a folder, or a bucket of a real S3 server on this machine."""

import uuid
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import obstore
import polars as pl
from obstore.store import LocalStore, S3Store

from alluse_assets.adapters.lake import Lake
from alluse_assets.adapters.lake.object_store import ObjectStorage
from alluse_assets.base.table_catalog import Column, Table

PRICES = Table(
    name="prices",
    description="Prices.",
    grain="a symbol on a day",
    layer="raw",
    key=("ts", "symbol"),
    columns=(
        Column("ts", pl.Date, "Day."),
        Column("symbol", pl.String, "Ticker."),
        Column("close", pl.Float64, "Close.", "USD"),
        Column("volume", pl.Int64, "Shares.", nullable=True),
    ),
)
MONTH = "prices/source=sample/month=2011-01"


def rows(*triples: tuple[str, str, float]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "ts": [date.fromisoformat(day) for day, _, _ in triples],
            "symbol": [symbol for _, symbol, _ in triples],
            "close": [float(close) for _, _, close in triples],
        }
    )


@dataclass
class Place:
    """A lake's place, and its files from outside the lake."""

    root: Path | str
    options: dict[str, str] = field(default_factory=dict)

    def lake(self, *, alone: bool = True, **others: Any) -> Lake:
        """A lake here; ``alone``: nobody else writes at the same time."""
        lake = Lake(self.root, storage_options=self.options, **others)
        if isinstance(self.root, str) and alone:
            # Tests do not wait an hour for what a killed writer left.
            lake._storage = ObjectStorage(self.root, self.options, leftover_seconds=0)
        return lake

    @property
    def store(self) -> LocalStore | S3Store:
        if isinstance(self.root, Path):
            self.root.mkdir(parents=True, exist_ok=True)
            return LocalStore(self.root)
        return S3Store.from_url(self.root, config=self.options, client_options={"allow_http": True})

    def files(self, under: str = "") -> dict[str, bytes]:
        """Every file by its path, but the locks."""
        found = [one["path"] for page in obstore.list(self.store, under) for one in page]
        if isinstance(self.root, Path):
            return {path: (self.root / path).read_bytes() for path in found if not path.endswith("/.lock")}
        return {path: bytes(obstore.get(self.store, path).bytes()) for path in found}

    def state(self) -> dict[str, tuple[Any, bytes]]:
        """Every file with when it was written."""
        return {
            path: (obstore.head(self.store, path)["last_modified"], content)
            for path, content in self.files().items()
        }

    def put(self, path: str, content: bytes) -> None:
        """Write as somebody else, in place."""
        if isinstance(self.root, Path):
            (self.root / path).write_bytes(content)
        else:
            obstore.put(self.store, path, content)

    def delete(self, path: str) -> None:
        obstore.delete(self.store, path)


class Places:
    """Makes places that are the test's own."""

    def __init__(self, folder: Path, options: dict[str, str]) -> None:
        self._folder, self._options = folder, options

    def new(self, kind: str) -> Place:
        name = uuid.uuid4().hex
        if kind == "folder":
            return Place(self._folder / name)
        return Place(f"s3://lake/{name}/deep", self._options)


def many_rows(days: int, each: int, first: date = date(2011, 1, 1), close: float = 1) -> pl.DataFrame:
    """``each`` symbols on each of ``days`` days."""
    return rows(
        *((str(first + timedelta(days=n)), f"S{k:04}", close) for n in range(days) for k in range(each))
    )
