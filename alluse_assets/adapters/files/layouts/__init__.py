"""The layouts that files come in, and which of them a file has, by its columns. Pure.

A vendor a module. Adding one: describe it beside the others and name it in ``LAYOUTS``.
Reading order: ``cells`` (a cell), ``layout`` (a line), the vendors.
"""

from __future__ import annotations

from collections.abc import Sequence

from alluse_assets.adapters.files.layouts.cboe_datashop import CBOE_DATASHOP, CBOE_DATASHOP_1545
from alluse_assets.adapters.files.layouts.dolthub import DOLTHUB
from alluse_assets.adapters.files.layouts.historical_option_data import HISTORICAL_OPTION_DATA
from alluse_assets.adapters.files.layouts.layout import Layout, close_matches
from alluse_assets.adapters.files.layouts.lean import LEAN
from alluse_assets.adapters.files.layouts.optionsdx import OPTIONSDX
from alluse_assets.adapters.files.layouts.tidy import TIDY
from alluse_assets.adapters.files.layouts.yahoo import YAHOO
from alluse_assets.base.errors import DataError
from alluse_assets.market_data.source import DataKind

# The first that fits counts: a layout is before those that its files fit as well.
LAYOUTS: tuple[Layout, ...] = (
    OPTIONSDX,
    CBOE_DATASHOP,
    CBOE_DATASHOP_1545,
    HISTORICAL_OPTION_DATA,
    YAHOO,
    DOLTHUB,
    *TIDY,
)
ALL_LAYOUTS: tuple[Layout, ...] = (*LAYOUTS, *LEAN)


def plain_name(header: str) -> str:
    """A header as layouts name it: lower case, without blanks, brackets and byte order mark around it."""
    return header.strip("\ufeff \t\r\n\"'").strip("[]").strip().lower()


def detect(columns: Sequence[str], layout: str | None = None, kind: DataKind | None = None) -> Layout:
    """The layout of a file with these columns (as ``plain_name`` writes them).

    Args:
        columns: the file's.
        layout: its name, where somebody knows better.
        kind: only layouts of this kind.

    Raises:
        DataError: the columns are of no known layout, or not of the one that is named.
    """
    candidates = [one for one in LAYOUTS if layout in (None, one.name) and (kind is None or one.kind == kind)]
    if layout in [one.name for one in LEAN]:
        raise DataError(f"layout {layout} is of Lean's zips, and this is none of them")
    if not candidates:
        known = ", ".join(one.name for one in LAYOUTS)
        asked = " and ".join(filter(None, (layout and f"layout {layout}", kind and f"kind {kind}")))
        raise DataError(f"there is no {asked}; the layouts are {known}")
    for one in candidates:
        if not one.missing(set(columns)):
            return one
    closest, missing = close_matches(candidates, set(columns))[0]
    raise DataError(_unknown(closest, missing, columns))


def _unknown(closest: Layout, missing: Sequence[str], columns: Sequence[str]) -> str:
    found = ", ".join(columns[:40]) + (" ..." if len(columns) > 40 else "")
    return (
        f"its columns are those of no layout here; the closest is {closest.name} ({closest.title}), "
        f"missing column{'s' if len(missing) > 1 else ''} {', '.join(missing)}; found {found}. "
        f"Known layouts: {', '.join(one.name for one in LAYOUTS)}"
    )
