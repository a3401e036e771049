"""What the UI shows of a table: its columns with units, the latest of its rows, a plot."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import dagster as dg
import polars as pl

from alluse_assets.base.table_catalog import Column, Table

PREVIEW_ROWS = 5
_PREVIEW_COLUMNS = 10
_WIDTH, _HEIGHT, _MARGIN = 600, 120, 6
_POINTS = 300


@dataclass(frozen=True, slots=True)
class Trend:
    """The plot of a table: the mean of ``column`` by date over the rows that ``where`` keeps."""

    column: str
    where: pl.Expr | None = None
    label: str = ""

    @property
    def title(self) -> str:
        """What the plot shows, in words."""
        return self.label or self.column.replace("_", " ")


def column_schema(table: Table) -> dg.TableSchema:
    """The columns as Dagster knows them; units and bounds are in the words."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.name,
                str(column.dtype),
                description=f"{column.description} [{column.unit}]" if column.unit else column.description,
                constraints=dg.TableColumnConstraints(
                    nullable=column.nullable, unique=table.key == (column.name,), other=_bounds(column)
                ),
            )
            for column in table.columns
        ]
    )


def preview(rows: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """The last rows as a small table."""
    shown = rows.tail(PREVIEW_ROWS).select(rows.columns[:_PREVIEW_COLUMNS])
    lines = [_line(shown.columns), _line(["---"] * shown.width)]
    lines += [_line([_cell(value) for value in row]) for row in shown.iter_rows()]
    return dg.MetadataValue.md("\n".join(lines) if rows.height else "no rows")


def plot(title: str, labels: Sequence[str], values: Sequence[float]) -> dg.MarkdownMetadataValue:
    """A line over ``labels``, from first to last, as a picture that needs no network."""
    if len(values) < 2:
        return dg.MetadataValue.md(f"{title}: {values[0]:,.7g}" if values else f"{title}: nothing to plot")
    step = max(1, len(values) // _POINTS)
    drawn = [*values[:-1:step], values[-1]]
    low, high = min(drawn), max(drawn)
    span = (high - low) or 1.0
    points = " ".join(
        f"{_MARGIN + n * (_WIDTH - 2 * _MARGIN) / (len(drawn) - 1):.1f},"
        f"{_HEIGHT - _MARGIN - (value - low) / span * (_HEIGHT - 2 * _MARGIN):.1f}"
        for n, value in enumerate(drawn)
    )
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}">'
        f'<rect width="100%" height="100%" fill="#f5f7fa"/>'
        f'<polyline points="{points}" fill="none" stroke="#2f6fb3" stroke-width="1.5"/></svg>'
    )
    picture = b64encode(svg.encode()).decode()
    caption = f"{title}: {low:,.7g} to {high:,.7g}, {labels[0]} to {labels[-1]}, last {values[-1]:,.7g}"
    return dg.MetadataValue.md(f"{caption}\n\n![{title}](data:image/svg+xml;base64,{picture})")


def trend_plot(rows: pl.DataFrame, day: str, trend: Trend) -> dg.MarkdownMetadataValue:
    """``trend`` of ``rows`` by their ``day`` column."""
    kept = rows if trend.where is None else rows.filter(trend.where)
    by_day = (
        kept.select(pl.col(day), pl.col(trend.column).cast(pl.Float64).alias("value"))
        .drop_nulls()
        .group_by(day)
        .agg(pl.col("value").mean())
        .sort(day)
    )
    return plot(trend.title, [str(label) for label in by_day[day]], by_day["value"].to_list())


def counts_table(counts: Mapping[str, int], what: str) -> dg.MarkdownMetadataValue:
    """Counts by name, largest first."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    lines = [_line([what, "number"]), _line(["---", "---"]), *(_line([k, f"{n:,}"]) for k, n in ordered)]
    return dg.MetadataValue.md("\n".join(lines) if counts else "none")


def _bounds(column: Column) -> list[str]:
    found = []
    if column.allowed:
        found.append(f"one of {', '.join(column.allowed)}")
    if column.low is not None:
        found.append(f"at least {column.low:g}")
    if column.high is not None:
        found.append(f"at most {column.high:g}")
    return found


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = f"{value:,.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 40 else f"{text[:39]}…"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"
