"""The drawdown of each account's unit value under its high-water mark, as a figure. Pure."""

from __future__ import annotations

from datetime import date

import plotly.graph_objects as go
import polars as pl

from analytics_app.book_figures import account_names
from analytics_app.charts import Chart, Palette

_DASHES = ("solid", "dash", "dot", "dashdot")


def drawdown_chart(net_asset_value: pl.DataFrame, states: pl.DataFrame, palette: Palette) -> Chart:
    """Drawdown over time; the sessions in which an account was in its drawdown pivot are drawn thick.

    Args:
        net_asset_value: rows of ``NET_ASSET_VALUE``, at least one of an account.
        states: rows of ``ACCOUNT_STATES``.
        palette: of the page that it is shown on.
    """
    figure, said = go.Figure(), []
    pivots = states.filter(pl.col("in_drawdown_pivot")).select("session", "account")
    for number, account in enumerate(account_names(net_asset_value)):
        own = net_asset_value.filter(pl.col("account") == account).sort("session")
        days, values = own["session"].to_list(), own["drawdown"].to_list()
        colour = palette.lines[number % len(palette.lines)]
        figure.add_scatter(
            x=days,
            y=values,
            name=account,
            mode="lines" if len(days) > 1 else "lines+markers",
            line={"color": colour, "dash": _DASHES[number % len(_DASHES)], "width": 1.7},
            hovertemplate="%{y:.1%}",
        )
        inside = set(pivots.filter(pl.col("account") == account)["session"])
        said.append(f"{account} {values[-1]:.1%}, deepest {min(values):.1%}")
        if inside:
            _add_pivot(figure, account, days, values, inside, colour)
    axis = {"gridcolor": palette.grid, "zeroline": False, "title": None, "color": palette.text}
    figure.update_layout(
        height=320,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        hovermode="x unified",
        dragmode=False,
        legend={"orientation": "h", "y": -0.14, "yanchor": "top", "x": 0, "font": {"color": palette.text}},
        xaxis={**axis, "showgrid": False, "hoverformat": "%a %-d %b %Y", "fixedrange": True},
        yaxis={**axis, "automargin": True, "tickformat": ".0%", "fixedrange": True},
    )
    return Chart(
        figure, f"Drawdown of the unit value under its high-water mark. At the end: {'; '.join(said)}."
    )


def _add_pivot(
    figure: go.Figure, account: str, days: list[date], values: list[float], inside: set[date], colour: str
) -> None:
    """A thick line over the sessions of the pivot, broken where it was not in it."""
    figure.add_scatter(
        x=days,
        y=[value if day in inside else None for day, value in zip(days, values, strict=True)],
        name=f"{account}, calls only",
        mode="lines+markers" if len(inside) == 1 else "lines",
        line={"color": colour, "width": 5},
        opacity=0.55,
        connectgaps=False,
        hoverinfo="skip",
    )
