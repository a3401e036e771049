"""Figures, pure: tables in, Plotly figures out. No reading, no widgets.

Lines differ by their dashes as well as by colour, markers by their shape, and every chart comes with a
sentence for those who do not see it. Colours are from the Okabe-Ito set, which holds for the common kinds
of colour blindness, in a shade for a light and one for a dark page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

import plotly.graph_objects as go
import polars as pl

from alluse_assets.ledger.tables import BOOK_ROW
from analytics_app.book_figures import account_names, strike_text

Measure = Literal["index", "usd"]
MEASURE_TEXT: Mapping[Measure, str] = {"index": "Growth of 100", "usd": "US dollars"}


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours for one kind of page: its text and the lines of accounts, in order."""

    text: str
    page: str
    grid: str
    lines: tuple[str, ...]


PALETTES = {
    "light": Palette("#1c2430", "#ffffff", "#dfe3e8", ("#0072b2", "#d55e00", "#007f5f", "#a3578a")),
    "dark": Palette("#e8ecf1", "#12161c", "#333b46", ("#56b4e9", "#f0a030", "#2ec4a0", "#e19cc5")),
}
_DASHES = ("solid", "dash", "dot", "dashdot")
_MARKERS = {
    "assigned": ("put assigned", "triangle-down"),
    "called_away": ("shares called away", "triangle-up"),
    "cash_settled": ("option cash settled", "diamond"),
}


@dataclass(frozen=True, slots=True)
class Chart:
    """A figure and what it says in a sentence."""

    figure: go.Figure
    alt: str


def nav_chart(
    net_asset_value: pl.DataFrame, trades: pl.DataFrame, measure: Measure, palette: Palette
) -> Chart:
    """Net asset value by account over time, with markers where options took or gave shares.

    Args:
        net_asset_value: rows of ``NET_ASSET_VALUE`` in the range, at least one session.
        trades: rows of ``OPTION_TRADES`` that ended in the range.
        measure: ``index`` is the unit value, 100 at the close before the range, which flows do not move;
            ``usd`` is the amount, of accounts only: the book's is several times theirs.
        palette: of the page that it is shown on.
    """
    accounts = account_names(net_asset_value)
    figure = go.Figure()
    ends = []
    places: dict[str, dict[date, float]] = {}
    for number, account in enumerate([*accounts, BOOK_ROW] if measure == "index" else accounts):
        own = net_asset_value.filter(pl.col("account") == account).sort("session")
        days, values = own["session"].to_list(), line_values(own, measure)
        places[account] = dict(zip(days, values, strict=True))
        is_book = account == BOOK_ROW
        figure.add_scatter(
            x=days,
            y=values,
            name="whole book" if is_book else account,
            mode="lines" if len(days) > 1 else "lines+markers",
            line={
                "color": palette.text if is_book else palette.lines[number % len(palette.lines)],
                "dash": "solid" if is_book else _DASHES[number % len(_DASHES)],
                "width": 2.6 if is_book else 1.9,
            },
            hovertemplate="%{y:,.1f}" if measure == "index" else "%{y:,.0f} USD",
        )
        ends.append(f"{'the whole book' if is_book else account} {_said(values[-1], measure)}")
    for how, (text, symbol) in _MARKERS.items():
        _add_markers(figure, trades.filter(pl.col("how_ended") == how), places, text, symbol, palette)
    _lay_out(figure, measure, palette)
    sessions = net_asset_value["session"].unique().sort().to_list()
    unit = "in US dollars" if measure == "usd" else "as growth of 100"
    return Chart(
        figure,
        f"Net asset value by account {unit}, from {sessions[0]} to {sessions[-1]}. "
        f"At the end: {', '.join(ends)}.",
    )


def line_values(account: pl.DataFrame, measure: Measure) -> list[float]:
    """The line of one account's rows in order of sessions; ``index``: 100 at the close before the first."""
    if measure == "usd":
        amounts: list[float] = account["nav"].cast(pl.Float64).to_list()
        return amounts
    before = account["unit_value"][0] / (1 + account["session_return"][0])
    units: list[float] = (account["unit_value"] / before * 100).to_list()
    return units


def _add_markers(
    figure: go.Figure,
    trades: pl.DataFrame,
    places: Mapping[str, Mapping[date, float]],
    text: str,
    symbol: str,
    palette: Palette,
) -> None:
    shown = trades.select("closed", "account", "contracts", "symbol", strike_text(pl.col("strike")))
    points: list[tuple[date, float, str]] = [
        (closed, places[account][closed], f"{account} {contracts} × {symbol} at {strike}")
        for closed, account, contracts, symbol, strike in shown.iter_rows()
    ]
    if not points:
        return
    days, heights, words = zip(*points, strict=True)
    figure.add_scatter(
        x=days,
        y=heights,
        text=words,
        name=text,
        mode="markers",
        marker={
            "symbol": symbol,
            "size": 9,
            "color": palette.page,
            "line": {"color": palette.text, "width": 1.4},
        },
        hovertemplate="%{text}",
    )


def _lay_out(figure: go.Figure, measure: Measure, palette: Palette) -> None:
    axis = {"gridcolor": palette.grid, "zeroline": False, "title": None, "color": palette.text}
    figure.update_layout(
        height=430,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        hovermode="x unified",
        # Dragging would zoom and keep a phone's page from scrolling; the days are chosen above.
        dragmode=False,
        legend={"orientation": "h", "y": -0.12, "yanchor": "top", "x": 0, "font": {"color": palette.text}},
        xaxis={**axis, "showgrid": False, "hoverformat": "%a %-d %b %Y", "fixedrange": True},
        yaxis={
            **axis,
            "automargin": True,
            "tickformat": ",.0f" if measure == "index" else "~s",
            "fixedrange": True,
        },
    )


def _said(value: float, measure: Measure) -> str:
    return f"{value:.1f}" if measure == "index" else f"{value:,.0f} USD"
