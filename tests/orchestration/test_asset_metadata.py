"""What the UI shows of a table can be read by a person and opened without a network."""

from base64 import b64decode
from datetime import date
from xml.etree import ElementTree

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from alluse_assets.market_data.tables import BARS
from alluse_assets.orchestration.asset_metadata import Trend, column_schema, plot, preview, trend_plot


def picture(markdown: str) -> ElementTree.Element:
    return ElementTree.fromstring(b64decode(markdown.partition("base64,")[2].rstrip(")")))


def test_units_and_bounds_are_in_the_column_schema():
    close = next(column for column in column_schema(BARS).columns if column.name == "close")
    assert close.description.endswith("[USD per share]")
    assert close.constraints.other == ["at least 0.0001", "at most 1e+07"]
    assert not close.constraints.nullable


def test_a_preview_is_the_last_rows_as_a_table():
    rows = pl.DataFrame({"n": range(9), "text": ["a|b"] * 9})
    lines = preview(rows).value.splitlines()
    assert lines[0] == "| n | text |"
    assert lines[-1] == "| 8 | a/b |"
    assert len(lines) == 2 + 5


@given(st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=700))
def test_every_point_of_a_plot_is_inside_its_picture(values):
    line = picture(plot("value", ["first", "last"], values).value)[1]
    points = [tuple(map(float, point.split(","))) for point in line.attrib["points"].split()]
    assert all(0 <= x <= 600 and 0 <= y <= 120 for x, y in points)
    assert points[0][0] < points[-1][0]


def test_a_trend_is_the_mean_by_date_of_the_rows_that_count():
    rows = pl.DataFrame(
        {
            "day": [date(2011, 1, 3)] * 3 + [date(2011, 1, 4)],
            "who": ["a", "a", "b", "a"],
            "value": [1.0, 3.0, 99.0, 5.0],
        }
    )
    shown = trend_plot(rows, "day", Trend("value", pl.col("who") == "a", "mean value")).value
    assert shown.startswith("mean value: 2 to 5, 2011-01-03 to 2011-01-04, last 5")


def test_nothing_to_plot_is_said():
    assert plot("rows", [], []).value == "rows: nothing to plot"
