"""Line charts as inline SVG: text in, text out, no script, readable on paper and by a screen reader.

Colours are CSS classes (``series-1`` ...), so that the page decides on light and dark. Lines also differ by
their dashes and carry their name at their end: nobody has to tell them by colour.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape

_LEFT, _TOP, _BOTTOM = 64, 14, 28
_ROOM_FOR_NAMES, _NO_NAMES = 92, 16
_LABEL_GAP = 15
"""Least distance between two names at the lines' ends, in units of the drawing."""


@dataclass(frozen=True, slots=True)
class Series:
    """One line: a value for each of the chart's days. ``style`` is its number, from 1."""

    name: str
    values: Sequence[float]
    style: int


def line_chart(
    title: str,
    description: str,
    days: Sequence[date],
    series: Sequence[Series],
    label: Callable[[float], str],
    *,
    width: int = 960,
    height: int = 300,
    filled: bool = False,
    at_least: tuple[float, float] | None = None,
) -> str:
    """An SVG drawing of one or more series over the same days.

    Args:
        title: what is drawn, for those who do not see it.
        description: what it shows, in a sentence.
        days: at least one, ascending.
        series: at least one.
        label: writes a value of the axis.
        width: of the drawing, in units that are pixels until the page scales it.
        height: likewise.
        filled: whether the area between a line and zero is tinted and lines carry no name, for one series.
        at_least: values that the axis spans in any case, so that several charts can be compared.
    """
    left, right = _LEFT, width - (_NO_NAMES if filled else _ROOM_FOR_NAMES)
    everything = [value for line in series for value in line.values] + list(at_least or ())
    low, high = min(everything), max(everything)
    ticks = nice_ticks(low, high)
    low, high = min(low, ticks[0]), max(high, ticks[-1])

    def x(index: int) -> float:
        return left + (right - left) * (index / max(len(days) - 1, 1))

    def y(value: float) -> float:
        return _TOP + (height - _TOP - _BOTTOM) * (1 - (value - low) / (high - low))

    parts = [
        f'<svg class="chart" viewBox="0 0 {width} {height}" role="img" xmlns="http://www.w3.org/2000/svg">',
        f"<title>{escape(title)}</title><desc>{escape(description)}</desc>",
    ]
    for tick in ticks:
        parts.append(
            f'<line class="grid" x1="{left}" x2="{right}" y1="{y(tick):.1f}" y2="{y(tick):.1f}"/>'
            f'<text class="axis" x="{left - 8}" y="{y(tick) + 4:.1f}" text-anchor="end">'
            f"{escape(label(tick))}</text>"
        )
    for index, text in date_ticks(days, most=max(2, width // 105)):
        parts.append(
            f'<line class="tick" x1="{x(index):.1f}" x2="{x(index):.1f}" y1="{height - _BOTTOM}" '
            f'y2="{height - _BOTTOM + 5}"/><text class="axis" x="{x(index):.1f}" y="{height - 6}" '
            f'text-anchor="middle">{text}</text>'
        )
    for line in series:
        points = " ".join(f"{x(index):.1f},{y(value):.1f}" for index, value in enumerate(line.values))
        if filled:
            base = y(max(low, min(high, 0.0)))
            area = f"{x(0):.1f},{base:.1f} {points} {x(len(days) - 1):.1f},{base:.1f}"
            parts.append(f'<polygon class="area series-{line.style}" points="{area}"/>')
        parts.append(f'<polyline class="line series-{line.style}" points="{points}"/>')
    names = [] if filled else sorted(series, key=lambda line: -line.values[-1])
    places = _spread([y(line.values[-1]) + 4 for line in names], height - _BOTTOM)
    for line, place in zip(names, places, strict=True):
        parts.append(
            f'<text class="name series-{line.style}" x="{right + 8}" y="{place:.1f}">'
            f"{escape(line.name)}</text>"
        )
    return "".join([*parts, "</svg>"])


def nice_ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round values that span ``low`` to ``high``, about ``about`` of them, at least two."""
    if high - low < 1e-9 * max(abs(low), abs(high), 1.0):
        pad = max(abs(low), abs(high), 1e-4) * 0.01
        low, high = low - pad, high + pad
    raw = (high - low) / about
    power: float = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(n * step, 12) for n in range(first, last + 1)]


def date_ticks(days: Sequence[date], most: int = 9) -> list[tuple[int, str]]:
    """Index and text of the days to name: firsts of months, quarters or years; all days of a short range."""
    if len(days) <= most:
        return [(index, f"{day:%d %b}") for index, day in enumerate(days)]
    seen: int | None
    for months in (1, 2, 3, 6, 12, 24, 60, 120):
        found: list[tuple[int, str]] = []
        # The range's first day is named when it begins a period itself.
        begins = days[0].day <= 7 and (days[0].month - 1) % months == 0
        seen = None if begins else _period(days[0], months)
        for index, day in enumerate(days):
            period = _period(day, months)
            if period != seen:
                seen = period
                found.append((index, f"{day:%b %Y}" if months < 12 else f"{day:%Y}"))
        if len(found) <= most:
            return found or [(0, f"{days[0]:%d %b}"), (len(days) - 1, f"{days[-1]:%d %b}")]
    return []


def _period(day: date, months: int) -> int:
    return (day.year * 12 + day.month - 1) // months


def _spread(places: Sequence[float], bottom: float) -> list[float]:
    """Ascending places moved down, then up from the bottom, until each has its room."""
    moved: list[float] = []
    for place in places:
        moved.append(max(place, moved[-1] + _LABEL_GAP) if moved else place)
    limit = bottom
    for index in reversed(range(len(moved))):
        moved[index] = min(moved[index], limit)
        limit = moved[index] - _LABEL_GAP
    return moved
