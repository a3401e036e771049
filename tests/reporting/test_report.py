"""The page says what the tables say, says what it is not, needs nothing from outside, and parses."""

import re
from html.parser import HTMLParser

import pytest

from alluse_assets.reporting.floor_comparison import side_by_side
from alluse_assets.reporting.projections import project
from alluse_assets.reporting.report import render_report, report_meta
from tests.book_maker import BookMaker, InMemoryJournal, random_book

VOID = {"meta", "br", "line", "polyline", "polygon", "link", "input"}


class Balanced(HTMLParser):
    """Fails on a tag that is closed wrongly or not at all."""

    def __init__(self):
        super().__init__()
        self.open, self.attributes = [], []

    def handle_starttag(self, tag, attrs):
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"</{tag}> at {self.getpos()}"


def page_of(book, name="proof", compared=False):
    store = InMemoryJournal()
    store.put(name, book.events)
    rows = list(store.read(name))
    tables = project(book.events, book.calendar)
    floors = side_by_side(name, rows, rows, book.config, book.calendar) if compared else None
    return render_report(tables, report_meta(name, rows), floors), tables, rows


@pytest.fixture(scope="module")
def page():
    return page_of(random_book(7, 30))


def text_of(html):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html))


def test_the_page_is_well_formed_and_loads_nothing(page):
    parser = Balanced()
    parser.feed(page[0])
    assert parser.open == []
    references = [value for name, value in parser.attributes if name in ("src", "href", "srcset")]
    assert references == []
    assert "<script" not in page[0]
    assert "url(" not in page[0]
    assert "@import" not in page[0]


def test_the_page_says_what_it_is_and_what_it_is_not(page):
    html, _, rows = page
    text = text_of(html)
    assert "model-priced" in text
    assert "Taxes are not booked yet" in text
    for rule in rows[0].event.payload["rules_not_active"]:
        assert rule in text
    assert rows[-1].hash.hex() in html
    assert rows[0].event.payload["config_fingerprint"] in html
    assert "2011-01-03 to 2011-02-14" in text
    assert "NaN" not in text
    assert "None" not in text


def test_the_pages_figures_are_the_tables(page):
    html, tables, _ = page
    text = text_of(html).replace("−", "-")
    for row in tables["performance"].iter_rows(named=True):
        assert f"{row['nav']:,.0f}" in text
        assert f"{row['time_weighted_return']:.2%}" in text
    for row in tables["period_returns"].iter_rows(named=True):
        assert f"{row['period_return']:.2%}".replace("-0.00", "0.00") in text
    assert (
        html.count("called away</td>") + html.count("assigned</td>")
        >= tables["option_trades"]
        .filter(tables["option_trades"]["how_ended"].is_in(["assigned", "called_away"]))
        .height
    )


def test_the_same_journal_gives_the_same_page_and_the_books_name_is_escaped():
    book = random_book(11, 5)
    assert page_of(book)[0] == page_of(book)[0]
    html = page_of(book, "<b>&")[0]
    assert "Book &lt;b&gt;&amp;" in html
    assert "<b>&" not in html


def test_a_book_that_has_only_cash_has_a_page_too():
    book = BookMaker()
    book.session({"AAPL": 330, "MSFT": 28, "SPX": 127})
    text = text_of(page_of(book)[0])
    for sentence in (
        "No option has been sold",
        "Cash only",
        "No week is over yet",
        "No entry has been decided",
    ):
        assert sentence in text


def test_only_a_replay_is_put_beside_the_same_one_with_yes():
    beside = "beside the same replay that always answers yes"
    assert beside in text_of(page_of(random_book(7, 5), compared=True)[0])
    assert beside not in text_of(page_of(random_book(7, 5))[0])
