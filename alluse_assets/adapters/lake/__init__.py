"""The lake: history as Parquet files by table, source and month, each with a manifest.

Here: reading and writing whole tables of the catalogue. Not here: what the tables mean, or any rule
about their rows but that keys are unique.
"""

from alluse_assets.adapters.lake.lake import Lake, PartitionWrite
from alluse_assets.adapters.lake.manifest import Manifest

__all__ = ["Lake", "Manifest", "PartitionWrite"]
