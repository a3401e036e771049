"""Charts that a machine can read back: well-formed, labelled, nothing outside the drawing."""

import itertools
import xml.etree.ElementTree as ET
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alluse_assets.reporting.charts import Series, date_ticks, line_chart, nice_ticks

SVG = "{http://www.w3.org/2000/svg}"
VALUES = st.floats(-1e7, 1e7, allow_nan=False)


@given(VALUES, VALUES)
def test_ticks_span_the_values_and_are_few(low, high):
    low, high = min(low, high), max(low, high)
    ticks = nice_ticks(low, high)
    rounding = 1e-8 * max(1, abs(low), abs(high))
    assert ticks[0] <= low + rounding
    assert ticks[-1] >= high - rounding
    assert 2 <= len(ticks) <= 9
    assert ticks == sorted(set(ticks))


def test_ticks_are_round():
    assert nice_ticks(0, 1_000_000) == [0, 200_000, 400_000, 600_000, 800_000, 1_000_000]
    assert nice_ticks(-0.12, 0) == [-0.125, -0.1, -0.075, -0.05, -0.025, 0]
    assert nice_ticks(5, 5)[0] < 5 < nice_ticks(5, 5)[-1]


@pytest.mark.parametrize("count", [1, 2, 9, 10, 60, 502, 2500, 9000])
def test_a_range_of_any_length_gets_a_few_dates(count):
    days = [date(2011, 1, 3) + timedelta(days=n) for n in range(count)]
    ticks = date_ticks(days)
    assert 1 <= len(ticks) <= 9
    assert [index for index, _ in ticks] == sorted({index for index, _ in ticks})


@given(st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=80), st.booleans())
def test_a_chart_is_well_formed_and_stays_inside_its_drawing(values, filled):
    days = [date(2011, 1, 3) + timedelta(days=n) for n in range(len(values))]
    series = [Series("A & <B>", [a for a, _ in values], 1), Series("C", [b for _, b in values], 2)]
    svg = line_chart("NAV <all>", "what & how", days, series, "{:.0f}".format, filled=filled)
    root = ET.fromstring(svg)
    assert root.attrib["role"] == "img"
    assert root.find(f"{SVG}title").text == "NAV <all>"
    lines = root.findall(f"{SVG}polyline")
    assert len(lines) == 2
    assert len(root.findall(f"{SVG}polygon")) == (2 if filled else 0)
    for line in lines:
        points = [tuple(map(float, point.split(","))) for point in line.attrib["points"].split()]
        assert len(points) == len(values)
        assert all(0 <= x <= 960 and 0 <= y <= 300 for x, y in points)
    names = [t.text for t in root.findall(f"{SVG}text") if "name" in t.attrib["class"]]
    assert sorted(names) == ([] if filled else ["A & <B>", "C"])


def test_names_at_the_lines_ends_do_not_lie_on_each_other():
    days = [date(2011, 1, 3), date(2011, 1, 4)]
    series = [Series(f"S{n}", [0.0, 100 + n / 1000], n) for n in range(1, 7)]
    root = ET.fromstring(line_chart("t", "d", days, series, str))
    places = sorted(float(t.attrib["y"]) for t in root.findall(f"{SVG}text") if "name" in t.attrib["class"])
    assert all(b - a >= 14.9 for a, b in itertools.pairwise(places))
    assert 0 <= places[0] < places[-1] <= 300
