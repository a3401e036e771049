"""Files as a source: whatever layout they come in, cleaned and put into the lake.

Here: opening files of every layout in bounded memory, and what became of their rows. Not here: which rows
are good (``market_data`` and ``option_chains`` say that).

Reading order: ``layouts`` (what vendors write), ``opening`` with ``csv_file``, ``parquet_file`` and
``lean_zip`` (from a path to lines), ``ingest`` (one file) with ``day_parts`` and ``spots``, ``folder`` and
``ingested`` (many, and going on after a stop), ``source`` (what was taken in, as a market data source).
"""

from alluse_assets.adapters.files.folder import FileOutcome, Ingest
from alluse_assets.adapters.files.ingest import SOURCE, IngestReport, ingest
from alluse_assets.adapters.files.opening import Given

__all__ = ["SOURCE", "FileOutcome", "Given", "Ingest", "IngestReport", "ingest"]
