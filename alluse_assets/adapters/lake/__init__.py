"""The lake: history as Parquet files by table, source and month, each month with a manifest.

Here: reading and writing whole tables of the catalogue, in a folder or a bucket, with versions of what was
corrected and the inputs of what was derived. Not here: what the tables mean, or any rule about their rows
but that keys are unique.

Reading order: ``lake`` (what callers use), ``partition`` (one write), ``layout`` (where a month is cut),
``manifest``, ``history`` (versions, staleness), ``storage`` (what a place must offer) with ``folder`` and
``object_store``.
"""

from alluse_assets.adapters.lake.history import StaleMonth
from alluse_assets.adapters.lake.lake import Lake
from alluse_assets.adapters.lake.manifest import Change, Input, Manifest, Version
from alluse_assets.adapters.lake.partition import PartitionWrite

__all__ = ["Change", "Input", "Lake", "Manifest", "PartitionWrite", "StaleMonth", "Version"]
