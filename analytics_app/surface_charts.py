"""Charts of chains and surfaces, pure: what ``chain_figures`` made in, Plotly figures out.

As in ``charts``, nothing is told by colour alone, and every chart comes with a sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Literal

import plotly.graph_objects as go
import polars as pl

from alluse_assets.base.calendar import NEW_YORK
from analytics_app.charts import Chart, Palette

Against = Literal["log_moneyness", "strike"]
AGAINST_TEXT: Mapping[Against, str] = {"log_moneyness": "Log-moneyness", "strike": "Strike"}
MOST_SMILES = 4
"""As many expiries as there are colours, dashes and shapes to tell them by."""
_AXIS_TEXT: Mapping[Against, str] = {
    "log_moneyness": "ln(strike / forward)",
    "strike": "strike, USD per share",
}
_DAY_TICKS = (0.25, 1, 2, 7, 14, 30, 60, 90, 180, 365, 730, 1095)
_DASHES = ("solid", "dash", "dot", "dashdot")
_SHAPES = ("circle", "square", "diamond", "triangle-up")
_RIGHT_TEXT = {"C": "calls", "P": "puts"}


def smile_chart(quoted: pl.DataFrame, fitted: pl.DataFrame, against: Against, palette: Palette) -> Chart:
    """Quoted implied volatilities as points, the fitted curves through them as lines.

    Args:
        quoted: what ``quoted_smile`` made.
        fitted: what ``fitted_smile`` made.
        against: what the volatility is drawn over.
        palette: of the page that it is shown on.
    """
    figure = go.Figure()
    said = []
    expiries = pl.concat([quoted["expiry"], fitted["expiry"]]).unique().sort().to_list()
    for place, expiry in enumerate(expiries):
        look = place % MOST_SMILES
        colour = palette.lines[look]
        points, curve = (rows.filter(pl.col("expiry") == expiry) for rows in (quoted, fitted))
        figure.add_scatter(
            x=curve[against].to_list(),
            y=curve["iv_annual"].to_list(),
            name=f"{expiry} fitted",
            legendgroup=str(expiry),
            mode="lines",
            line={"color": colour, "dash": _DASHES[look], "width": 1.9},
            hoverinfo="skip",
            showlegend=curve.height > 0 and points.is_empty(),
        )
        figure.add_scatter(
            x=points[against].to_list(),
            y=points["iv_annual"].to_list(),
            customdata=list(
                zip(points["right"].replace({"C": "call", "P": "put"}), points["strike"], strict=True)
            ),
            name=str(expiry),
            legendgroup=str(expiry),
            mode="markers",
            marker={"color": colour, "symbol": _SHAPES[look], "size": 7, "opacity": 0.85},
            hovertemplate="%{customdata[1]:,.10~g} %{customdata[0]}: %{y:.2%}<extra>"
            + str(expiry)
            + "</extra>",
        )
        said.append(_smile_said(expiry, points, curve))
    _lay_out(figure, palette, _AXIS_TEXT[against], ".0%")
    if against == "log_moneyness":
        figure.update_xaxes(zeroline=True, zerolinecolor=palette.grid, zerolinewidth=2)
    return Chart(figure, f"Implied volatility over {_AXIS_TEXT[against]}. {' '.join(said)}")


def term_chart(term: pl.DataFrame, palette: Palette) -> Chart:
    """The volatility at the money over the time left; ``term`` is what ``term_structure`` made."""
    figure = go.Figure()
    figure.add_scatter(
        x=term["days_left"].to_list(),
        y=term["iv_annual"].to_list(),
        customdata=term["expiry"].cast(pl.String).to_list(),
        mode="lines+markers",
        line={"color": palette.lines[0], "width": 1.9},
        marker={"size": 7},
        hovertemplate="%{customdata}, %{x:.1f} days: %{y:.2%}<extra></extra>",
        showlegend=False,
    )
    _lay_out(figure, palette, "days to expiry", ".1%", height=300)
    # Near expiries are days apart, far ones years.
    figure.update_xaxes(type="log", tickvals=_DAY_TICKS, ticktext=[f"{days:g}" for days in _DAY_TICKS])
    ends = [
        f"{volatility:.1%} for {expiry}"
        for expiry, volatility in (term.select("expiry", "iv_annual").row(n) for n in (0, -1))
    ]
    return Chart(figure, f"Volatility at the money by expiry, {term.height} expiries: {' to '.join(ends)}.")


def premium_chart(premiums: pl.DataFrame, palette: Palette) -> Chart:
    """Mean premiums of calls and puts through a session; ``premiums`` is what ``mean_premiums`` made."""
    figure = go.Figure()
    said = []
    for place, (right, text) in enumerate(_RIGHT_TEXT.items()):
        own = premiums.filter(pl.col("right") == right)
        if own.is_empty():
            continue
        figure.add_scatter(
            x=own["quote_ts"].dt.convert_time_zone(NEW_YORK.key).dt.replace_time_zone(None).to_list(),
            y=own["premium"].to_list(),
            name=f"{text}, {own['contracts'][0]} contracts",
            mode="lines+markers",
            line={"color": palette.lines[place], "dash": _DASHES[place], "width": 1.9},
            marker={"symbol": _SHAPES[place], "size": 6},
            hovertemplate="%{x|%H:%M}: %{y:,.2f} USD<extra>" + text + "</extra>",
        )
        said.append(f"{text} from {own['premium'][0]:.2f} to {own['premium'][-1]:.2f} USD")
    _lay_out(figure, palette, "New York time", ",.2f", height=260)
    return Chart(figure, f"Mean premium through the session: {', '.join(said)}.")


def _smile_said(expiry: date, points: pl.DataFrame, curve: pl.DataFrame) -> str:
    if points.is_empty():
        return f"{expiry}: no quoted volatility."
    low, high = (points["iv_annual"].sort()[end] for end in (0, -1))
    fitted = "with a fitted curve" if curve.height else "without a fitted curve"
    return f"{expiry}: {points.height} quotes from {low:.1%} to {high:.1%}, {fitted}."


def _lay_out(
    figure: go.Figure, palette: Palette, across: str, tick_format: str, *, height: int = 430
) -> None:
    axis: dict[str, Any] = {
        "gridcolor": palette.grid,
        "zeroline": False,
        "color": palette.text,
        "fixedrange": True,
    }
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        # Dragging would zoom and keep a phone's page from scrolling.
        dragmode=False,
        hovermode="closest",
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "font": {"color": palette.text}},
        xaxis={**axis, "title": {"text": across, "standoff": 8}, "automargin": True},
        yaxis={**axis, "title": None, "automargin": True, "tickformat": tick_format},
    )
