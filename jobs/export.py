"""The export: the research file of a book, or of all, up to a day. ``alluse export`` does the same."""

from __future__ import annotations

from typing import Any

import dagster as dg


def export_job(prefix: str) -> Any:
    """The job over the research file of the book whose assets begin with ``prefix``."""
    return dg.define_asset_job(
        "export",
        selection=dg.AssetSelection.assets(dg.AssetKey([prefix, "research_export"])),
        description=(__doc__ or "").strip(),
    )
