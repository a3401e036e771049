"""What was refused, in figures: pure, tables in and tables or charts out. No reading, no widgets."""

from __future__ import annotations

from collections.abc import Mapping

import plotly.graph_objects as go
import polars as pl

from analytics_app.charts import Chart, Palette

_RULES_IN_CHART = 4
_OTHERS = "other rules"


def refused_by_rule(quarantine: pl.DataFrame, good_rows: Mapping[str, int]) -> pl.DataFrame:
    """How much each rule refused, and since when; most first.

    Args:
        quarantine: rows of table quarantine, and ``is_corrected``.
        good_rows: rows of each table that passed, to tell the share; a table that is absent has no share.

    Returns:
        table, rule, rule_text, rows, share (of the table's rows, refused ones included; null if unknown),
        corrected (of the rows: those with a good row of the same key by now), sessions, first_session,
        last_session.
    """
    counts = quarantine.group_by("table", "rule", "rule_text").agg(
        rows=pl.len(),
        corrected=pl.col("is_corrected").sum(),
        sessions=pl.col("session").n_unique(),
        first_session=pl.col("session").min(),
        last_session=pl.col("session").max(),
    )
    refused = quarantine.group_by("table").agg(refused=pl.len())
    good = pl.DataFrame(
        {"table": list(good_rows), "good": list(good_rows.values())},
        schema={"table": pl.String, "good": pl.Int64},
    )
    whole = (
        refused.join(good, on="table", how="left")
        .with_columns(whole=pl.col("good") + pl.col("refused"))
        .select("table", "whole")
    )
    return (
        counts.join(whole, on="table", how="left")
        .with_columns(share=pl.col("rows") / pl.col("whole"))
        .select(
            *("table", "rule", "rule_text", "rows", "share", "corrected"),
            *("sessions", "first_session", "last_session"),
        )
        .sort("rows", "table", "rule", descending=[True, False, False])
    )


def refused_chart(quarantine: pl.DataFrame, palette: Palette) -> Chart:
    """Refused rows by month of their session, the commonest rules apart; rows without a date are left out."""
    dated = quarantine.filter(pl.col("session").is_not_null())
    common = dated["rule"].value_counts(sort=True).sort("count", "rule", descending=[True, False])
    shown = common["rule"].head(_RULES_IN_CHART).to_list()
    monthly = (
        dated.with_columns(
            month=pl.col("session").dt.truncate("1mo"),
            rule=pl.when(pl.col("rule").is_in(shown)).then("rule").otherwise(pl.lit(_OTHERS)),
        )
        .group_by("month", "rule")
        .agg(rows=pl.len())
        .sort("month")
    )
    names = [*shown, *([_OTHERS] if common.height > len(shown) else [])]
    colours = [*palette.lines, palette.grid]
    figure = go.Figure()
    for place, name in enumerate(names):
        rows = monthly.filter(pl.col("rule") == name)
        figure.add_bar(
            x=rows["month"].to_list(),
            y=rows["rows"].to_list(),
            name=name,
            marker={"color": colours[place], "pattern": {"shape": ["", "/", "x", ".", "-"][place]}},
            hovertemplate="%{x|%Y-%m}: %{y:,} rows<extra>" + name + "</extra>",
        )
    figure.update_layout(
        barmode="stack",
        height=320,
        margin={"l": 0, "r": 0, "t": 10, "b": 0},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": palette.text},
        legend={"orientation": "h", "y": 1.1, "x": 0},
        yaxis={"title": "rows refused", "gridcolor": palette.grid},
        xaxis={"type": "date", "gridcolor": palette.grid},
    )
    months = monthly["month"].dt.strftime("%Y-%m").to_list()
    span = f"from {months[0]} to {months[-1]}" if months else "in no month"
    alt = f"Refused rows by month {span}: " + ", ".join(
        f"{name} {int(monthly.filter(pl.col('rule') == name)['rows'].sum()):,}" for name in names
    )
    return Chart(figure, alt)
