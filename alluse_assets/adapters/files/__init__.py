"""Files as a source: tidy Parquet files of bars and option quotes, cleaned and put into the lake.

Here: opening a file, and what became of its rows. Not here: which rows are good (``market_data`` and
``option_chains`` say that).
"""

from alluse_assets.adapters.files.ingest import FILE_KINDS, SOURCE, FileKind, IngestReport, ingest

__all__ = ["FILE_KINDS", "SOURCE", "FileKind", "IngestReport", "ingest"]
