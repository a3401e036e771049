"""The hot store: live quotes and bars, snapshots, indicators and served series, by time.

Hypertables where the server has TimescaleDB, native partitioned tables where it has not, with the same
columns, keys, queries and answers. Read ``served_tables`` first (what is served), then ``hot_store`` (what
can be done with it). ``edition`` finds out what the server can do, ``schema`` makes the tables,
``binary_copy``, ``writing`` and ``reading`` move rows, ``aggregates`` are the summaries, ``retention`` drops
what is old. Nothing lives here only: the lake or a source has it as well.
"""

from alluse_assets.adapters.timescale.hot_store import HotStore, open_for_reading, open_hot_store

__all__ = ["HotStore", "open_for_reading", "open_hot_store"]
