"""Where a month is cut into files: a function of how many rows each day has, and of nothing else.

The days of a month are halved, and halved again, until a part has no more rows than a file should hold or
is a single day. So equal rows lie in equal files whatever the order in which they were written, and a day
that is added or changed concerns the one file that it falls into (or the two that this one becomes).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

# A part of a month is its first day and the day after its last; a power of two halves evenly.
_MONTH = (1, 33)


def cut(rows_by_day: Mapping[date, int], most_rows: int) -> list[tuple[date, ...]]:
    """The days of each file, in order; each file has at most ``most_rows`` rows or is one day.

    Args:
        rows_by_day: rows of each day of one month; days without rows are left out.
        most_rows: of a file that holds more than one day.
    """
    return _cut(sorted(day for day, rows in rows_by_day.items() if rows), rows_by_day, most_rows, *_MONTH)


def _cut(
    days: list[date], rows_by_day: Mapping[date, int], most_rows: int, low: int, high: int
) -> list[tuple[date, ...]]:
    if not days:
        return []
    if high - low == 1 or sum(rows_by_day[day] for day in days) <= most_rows:
        return [tuple(days)]
    middle = (low + high) // 2
    return [
        *_cut([day for day in days if day.day < middle], rows_by_day, most_rows, low, middle),
        *_cut([day for day in days if day.day >= middle], rows_by_day, most_rows, middle, high),
    ]
