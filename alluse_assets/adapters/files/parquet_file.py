"""Opening a Parquet file that somebody else wrote: every way it can fail ends in one clear sentence."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from alluse_assets.base.errors import DataError


def read_parquet_file(path: Path) -> pl.DataFrame:
    """All rows and columns of ``path``.

    Raises:
        DataError: there is no such file, it may not be read, or it is no whole Parquet file.
    """
    if path.is_dir():
        raise DataError(f"{path} is a folder; give the Parquet file itself")
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise DataError(f"{path}: there is no such file") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error
    try:
        return pl.read_parquet(data)
    # A damaged page can end in a panic of the reader, which is no ordinary exception.
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(
            f"{path} is no whole Parquet file ({reason}); it was cut off or is of another format"
        ) from error
