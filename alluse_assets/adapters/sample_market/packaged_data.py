"""Reading the price files that come inside bokeh-sampledata and arch.

The packages themselves are not imported: arch takes seconds, and the files are all we need.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import polars as pl

from alluse_assets.base.errors import DataError

RATE_TENOR_DAYS = 30
INDEX = "SPX"


@dataclass(frozen=True, slots=True)
class PackagedData:
    """Bars with an adjusted close (ts, symbol, open, high, low, close, volume, adjusted_close) and monthly
    rates (month as its first day, rate_annual, continuously compounded)."""

    bars: pl.DataFrame
    monthly_rates: pl.DataFrame


def read_packaged_data() -> PackagedData:
    """The shares' and the index's bars, and interest rates.

    Raises:
        DataError: a package or its file is not there.
    """
    bars = pl.concat([_shares(), _index()]).sort("ts", "symbol")
    return PackagedData(bars, _monthly_rates())


def _shares() -> pl.DataFrame:
    raw = pl.read_csv(_file("bokeh_sampledata", "_data/stocks.csv.gz"))
    return _bars(raw.rename({"Ticker": "symbol"}), "%Y-%m-%d")


def _index() -> pl.DataFrame:
    raw = pl.read_csv(_file("arch", "data/sp500/sp500.csv.gz"))
    return _bars(raw.with_columns(symbol=pl.lit(INDEX)), "%m/%d/%Y")


def _bars(raw: pl.DataFrame, date_format: str) -> pl.DataFrame:
    # The files carry noise of single precision in the sixth decimal; no price has more than four.
    prices = (pl.col(name).round(4).alias(name.lower()) for name in ("Open", "High", "Low", "Close"))
    return raw.select(
        pl.col("Date").str.to_date(date_format).alias("ts"),
        "symbol",
        *prices,
        pl.col("Volume").cast(pl.Int64).alias("volume"),
        pl.col("Adj Close").alias("adjusted_close"),
    )


def _monthly_rates() -> pl.DataFrame:
    """The one-month Treasury bill's return, per cent a month, as a rate a year.

    It is fixed when the month begins (Ibbotson, in Kenneth French's library), so it is known from the
    month's first day.
    """
    raw = pl.read_csv(_file("arch", "data/frenchdata/frenchdata.csv.gz"))
    annual = [round(12 * math.log1p(percent / 100), 6) for percent in raw["RF"]]
    return raw.select(
        (pl.col("Date").cast(pl.String) + "01").str.to_date("%Y%m%d").alias("month"),
        pl.Series("rate_annual", annual),
    )


def _file(package: str, path: str) -> Path:
    spec = find_spec(package)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        file = Path(folder, path)
        if file.is_file():
            return file
    raise DataError(
        f"the sample market's file {path} of the package {package} is not there; "
        "install the pinned requirements again (make install)"
    )
