"""Week types as HTML, pure: a calendar strip of weeks by account and ticker, and its legend with counts.

Real tables, so that they can be read out, scrolled with the keyboard and copied. A letter stands in each
cell: colour is never the only signal.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape

import polars as pl

from alluse_assets.weeks.week_types import WEEK_TYPE_TEXT, WeekType
from analytics_app.charts import Palette


@dataclass(frozen=True, slots=True)
class Mark:
    """How a week type looks: a letter on a colour; no colour is the page's own."""

    letter: str
    background: str | None
    text: str


MARKS: Mapping[WeekType, Mark] = {
    WeekType.DEEP_DRAWDOWN: Mark("D", "#8c2d04", "#ffffff"),
    WeekType.PUT_ROLLED: Mark("R", "#5e3c99", "#ffffff"),
    WeekType.ASSIGNED_OVER_LIMIT: Mark("O", "#e5762a", "#000000"),
    WeekType.ASSIGNED_WITHIN_LIMIT: Mark("A", "#fdc07a", "#000000"),
    WeekType.RECOVERY: Mark("V", "#cc79a7", "#000000"),
    WeekType.CALL_ROLLED: Mark("L", "#ecd0e1", "#000000"),
    WeekType.STRONG_APPRECIATION: Mark("S", "#00664a", "#ffffff"),
    WeekType.APPRECIATION: Mark("W", "#5cc8a5", "#000000"),
    WeekType.PREMIUM_ONLY: Mark("N", "#0067a3", "#ffffff"),
    WeekType.EXPIRED_WORTHLESS: Mark("E", "#a9d6f2", "#000000"),
    WeekType.IDLE: Mark("·", None, "inherit"),
}
_CLASSES = {kind: f"wt{number}" for number, kind in enumerate(WeekType)}
_LABEL_PX, _CELL_LOW_PX, _CELL_HIGH_PX = 80, 10, 30


def week_strip(week_types: pl.DataFrame, accounts: Sequence[str], palette: Palette) -> str:
    """One row an account and ticker, one column a week.

    Args:
        week_types: rows of ``WEEK_TYPES``, at least one.
        accounts: their order.
        palette: of the page that it is shown on.
    """
    weeks: list[date] = week_types["week"].unique().sort().to_list()
    types = {
        (account, symbol, week): WeekType(kind)
        for account, symbol, week, kind in week_types.select(
            "account", "symbol", "week", "week_type"
        ).iter_rows()
    }
    found = {(account, symbol) for account, symbol, _ in types}
    pairs = sorted(found, key=lambda pair: (accounts.index(pair[0]), pair[1]))
    body = []
    for account, group in itertools.groupby(pairs, key=lambda pair: pair[0]):
        for number, (_, symbol) in enumerate(group):
            cells = "".join(
                _cell(types.get((account, symbol, week)), account, symbol, week) for week in weeks
            )
            first = ' class="first"' if number == 0 else ""
            body.append(f'<tr{first}><th scope="row">{escape(account)} {escape(symbol)}</th>{cells}</tr>')
    low, high = (_LABEL_PX + len(weeks) * each for each in (_CELL_LOW_PX, _CELL_HIGH_PX))
    return (
        f"<style>{_style(palette)}</style>"
        '<div class="weeks" role="region" aria-label="Week types by account and ticker" tabindex="0">'
        f'<table style="min-width:{low}px;width:min(100%,{high}px)">'
        f"<colgroup><col style='width:{_LABEL_PX}px'><col span='{len(weeks)}'></colgroup>"
        f"<thead>{_heads(weeks)}</thead><tbody>{''.join(body)}</tbody></table></div>"
    )


def week_legend(counts: Mapping[str, Mapping[str, int]], accounts: Sequence[str], palette: Palette) -> str:
    """Every week type with its letter, code, plain words and number of weeks.

    Args:
        counts: week type -> account -> number of weeks.
        accounts: the columns.
        palette: of the page that it is shown on.
    """
    heads = "".join(f'<th scope="col" class="count">{escape(name)}</th>' for name in [*accounts, "in all"])
    rows = []
    for kind in WeekType:
        own = counts.get(kind.value, {})
        numbers = [own.get(account, 0) for account in accounts]
        cells = "".join(f'<td class="count">{number:,}</td>' for number in [*numbers, sum(numbers)])
        rows.append(
            f'<tr><td class="mark {_CLASSES[kind]}">{MARKS[kind].letter}</td>'
            f'<th scope="row">{kind.value}</th><td class="words">{escape(WEEK_TYPE_TEXT[kind])}</td>'
            f"{cells}</tr>"
        )
    return (
        f"<style>{_style(palette)}</style>"
        '<div class="weeks" role="region" aria-label="Week types explained and counted" tabindex="0">'
        '<table class="legend"><thead><tr><th scope="col">Mark</th><th scope="col">Type</th>'
        f'<th scope="col" class="words">What the week was</th>{heads}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _cell(kind: WeekType | None, account: str, symbol: str, week: date) -> str:
    if kind is None:
        return "<td></td>"
    told = f"{account} {symbol}, week of {week}: {kind.value}, {WEEK_TYPE_TEXT[kind]}"
    return f'<td class="{_CLASSES[kind]}" title="{escape(told)}">{MARKS[kind].letter}</td>'


def _heads(weeks: Sequence[date]) -> str:
    """Two rows: years over months; a month is that of its weeks' Mondays."""
    years = [(year, len(list(group))) for year, group in itertools.groupby(weeks, key=lambda d: d.year)]
    months = [
        (days[0], len(days))
        for _, group in itertools.groupby(weeks, key=lambda d: (d.year, d.month))
        for days in [list(group)]
    ]
    year_cells = "".join(f'<th scope="colgroup" colspan="{n}">{year}</th>' for year, n in years)
    month_cells = "".join(
        f'<th scope="colgroup" colspan="{n}">{f"{day:%b}" if n > 2 else ""}</th>' for day, n in months
    )
    return f"<tr><td></td>{year_cells}</tr><tr><td></td>{month_cells}</tr>"


def _style(palette: Palette) -> str:
    marks = "".join(
        f".weeks .{_CLASSES[kind]}{{background:{mark.background or 'transparent'};color:{mark.text}}}"
        for kind, mark in MARKS.items()
    )
    return (
        ".weeks{overflow-x:auto;padding-bottom:4px}"
        f".weeks table{{border-collapse:separate;border-spacing:1px;table-layout:fixed;color:{palette.text};"
        "margin:0;font-size:10px}"
        ".weeks th,.weeks td{border:0;padding:0;height:21px;line-height:21px;text-align:center;"
        "font-weight:500;overflow:hidden;white-space:nowrap}"
        ".weeks thead th{text-align:left;font-size:12px}"
        f".weeks tbody th{{position:sticky;left:0;background:{palette.page};text-align:left;font-size:12px}}"
        f".weeks tr.first>*{{border-top:2px solid {palette.grid}}}"
        ".weeks table.legend{table-layout:auto;font-size:14px;border-spacing:0 2px}"
        ".weeks .legend th,.weeks .legend td{height:26px;line-height:20px;padding:3px 12px 3px 0;"
        "font-size:14px;text-align:left}"
        ".weeks .legend tbody th{position:static;padding-left:12px}"
        ".weeks .legend .mark{text-align:center;padding:3px 0;min-width:38px}"
        ".weeks .legend .words{white-space:normal;font-weight:400;padding-right:24px;min-width:190px}"
        ".weeks .legend .count{text-align:right;font-variant-numeric:tabular-nums;padding:3px 0 3px 14px}"
        f"{marks}"
    )
