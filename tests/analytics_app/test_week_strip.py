import re
import tomllib
from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alluse_assets.weeks.tables import WEEK_TYPES
from alluse_assets.weeks.week_types import WEEK_TYPE_TEXT, WeekType
from analytics_app.book_figures import week_counts
from analytics_app.charts import PALETTES
from analytics_app.week_strip import MARKS, week_legend, week_strip
from tests.analytics_app.colour_contrast import contrast
from tests.analytics_app.small_book import ACCOUNTS, week_types
from tests.paths import ROOT

LIGHT = PALETTES["light"]
MONDAY = date(2011, 1, 3)


def rows(html: str) -> list[list[str]]:
    found = re.findall(r"<tr[^>]*>(.*?)</tr>", html)
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in found]


def test_every_week_type_has_a_letter_of_its_own():
    letters = [MARKS[kind].letter for kind in WeekType]
    assert len(set(letters)) == len(letters)


@pytest.mark.parametrize("kind", [kind for kind in WeekType if MARKS[kind].background])
def test_letters_can_be_read_on_their_colour(kind):
    assert contrast(MARKS[kind].background, MARKS[kind].text) >= 4.5


@pytest.mark.parametrize("name", list(PALETTES))
def test_the_palettes_are_those_of_the_theme(name):
    theme = tomllib.loads((ROOT / "analytics_app/.streamlit/config.toml").read_text())["theme"][name]
    assert PALETTES[name].page == theme["backgroundColor"]
    assert PALETTES[name].text == theme["textColor"]


def test_a_row_is_an_account_and_ticker_and_a_cell_a_week():
    weeks = week_types()["week"].n_unique()
    years, months, *body = rows(week_strip(week_types(), list(ACCOUNTS), LIGHT))
    assert years[1:] == ["2011"]
    assert months[1:] == ["Jan", "Feb"]
    assert [row[0] for row in body] == ["GEN-1 AAPL", "GEN-1 GOOG", "REV-1 AAPL", "COM-1 MSFT"]
    assert {len(row) for row in body} == {weeks + 1}
    assert body[1][1:3] == ["·", "A"]


def test_the_legend_explains_and_counts_every_type():
    counts = week_counts(week_types(), list(ACCOUNTS))
    _, *body = rows(week_legend(counts, list(ACCOUNTS), LIGHT))
    assert [row[1:3] for row in body] == [[kind.value, WEEK_TYPE_TEXT[kind]] for kind in WeekType]
    assert sum(int(row[-1]) for row in body) == week_types().height
    assert all(int(row[-1]) == sum(int(number) for number in row[3:-1]) for row in body)


@given(st.sets(st.tuples(st.sampled_from(["AAPL", "<i>&"]), st.integers(0, 130)), min_size=1))
def test_any_set_of_weeks_gives_a_whole_table(cells):
    frame = pl.DataFrame(
        [
            {
                "session": MONDAY + timedelta(7 * week + 4),
                "week": MONDAY + timedelta(7 * week),
                "account": "GEN-1",
                "kind": "gen",
                "symbol": symbol,
                "week_type": "P-EW",
                "legs": ["P-EW"],
                "facts": "{}",
            }
            for symbol, week in sorted(cells)
        ],
        schema=WEEK_TYPES.schema,
    )
    html = week_strip(frame, ["GEN-1"], LIGHT)
    _, _, *body = rows(html)
    weeks = frame["week"].n_unique()
    assert {len(row) for row in body} == {weeks + 1}
    assert sum(map(int, re.findall(r'colspan="(\d+)"', html))) == 2 * weeks
    assert sum(row.count("E") for row in body) == len(cells)
    assert "<i>" not in html
