"""The overview as Streamlit runs it, without a browser."""

import pytest
from streamlit.testing.v1 import AppTest

from alluse_assets.adapters.lake import Lake
from alluse_assets.ledger.tables import NET_ASSET_VALUE
from tests.analytics_app.small_book import FIRST, LAST, SESSIONS, book_terms, option_trades, write_book
from tests.paths import ROOT


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ALLUSE_HOME", str(tmp_path))
    return tmp_path


def opened(**query) -> AppTest:
    app = AppTest.from_file(str(ROOT / "analytics_app" / "app.py"), default_timeout=60)
    for name, value in query.items():
        app.query_params[name.strip("_")] = value
    return app.run()


def texts(app: AppTest, kind: str) -> str:
    return "\n".join(element.value for element in getattr(app, kind))


def test_the_page_reads_from_value_to_positions_to_trades_to_weeks(home):
    write_book(home)
    app = opened()
    assert not app.exception
    assert [title.value for title in app.title] == ["ALL-USE: book sample"]
    assert [heading.value for heading in app.subheader] == [
        "Net asset value by account",
        f"Positions at the close of {LAST}",
        "Option trades",
        "Week types",
    ]
    assert [metric.value for metric in app.metric] == ["1,024,882", "416,316", "312,237", "296,329"]
    held, traded = (frame.value for frame in app.dataframe)
    assert list(held["holding"]) == ["shares", "short put 27.5", "shares"]
    assert len(traded) == option_trades().height
    strip, legend = (part.proto.body for part in app.get("html"))
    assert "GEN-1 GOOG, week of 2011-01-10: P-AWL" in strip
    assert "a put expired worthless" in legend


def test_the_header_says_what_the_figures_are_worth(home):
    write_book(home)
    said = texts(opened(), "caption")
    assert "Option prices and VIX in this book are model-priced" in said
    assert "before tax" in said
    assert "Rules not yet active: rolls, taxes." in said


def test_a_book_of_real_quotes_is_not_called_model_priced(home):
    write_book(home, terms=book_terms(model_priced=False))
    said = texts(opened(), "caption")
    assert "model-priced" not in said
    assert "before tax" in said


def test_a_book_of_unknown_origin_says_so(home):
    write_book(home, terms=book_terms().clear())
    app = opened()
    assert not app.exception
    assert "does not say where this book's prices come from" in texts(app, "warning")
    assert "alluse run --book sample" in texts(app, "warning")


def test_without_data_the_page_says_what_to_run_and_where_it_looked(home):
    app = opened()
    assert not app.exception
    assert "make run" in texts(app, "info")
    assert str(home) in texts(app, "info")
    assert not app.metric


@pytest.mark.parametrize("damage", ["cut off", "changed", "no manifest"])
def test_a_damaged_file_is_told_in_words(home, damage):
    lake = write_book(home)
    folder = next((lake.root / "positions" / "source=book=sample").glob("month=*"))
    data = next(folder.glob("*.parquet"))
    if damage == "cut off":
        data.write_bytes(data.read_bytes()[:100])
    elif damage == "changed":
        data.write_bytes(bytes(len(data.read_bytes())))
    else:
        (folder / "manifest.json").write_text("{")
    app = opened()
    assert not app.exception
    said = texts(app, "error")
    assert str(folder) in said
    assert "materialise the table in the Dagster UI" in said
    assert "Traceback" not in said
    assert not app.metric


def test_an_unknown_book_in_the_url_is_told_and_another_one_shown(home):
    write_book(home)
    app = opened(book="nonesuch")
    assert not app.exception
    assert "no book `nonesuch`" in texts(app, "warning")
    assert "Books here: sample" in texts(app, "warning")
    assert app.title[0].value == "ALL-USE: book sample"


def test_a_url_cannot_put_markup_on_the_page(home):
    write_book(home)
    said = texts(opened(book="x` ![](http://example.invalid/a.png) `"), "warning")
    assert said.count("`") == texts(opened(book="nonesuch"), "warning").count("`")


def test_the_url_chooses_book_days_and_filters(home):
    write_book(home)
    write_book(home, "second")
    app = opened(book="second", to=str(SESSIONS[9]), ended="assigned")
    assert not app.exception
    assert app.title[0].value == "ALL-USE: book second"
    assert app.subheader[1].value == f"Positions at the close of {SESSIONS[9]}"
    assert list(app.dataframe[-1].value["symbol"]) == ["GOOG"]


def test_another_book_forgets_the_days_of_the_first(home):
    write_book(home)
    write_book(home, "second")
    app = opened(to=str(SESSIONS[9]), ticker="GOOG")
    app.selectbox(key="book").select("second").run()
    assert not app.exception
    assert app.title[0].value == "ALL-USE: book second"
    assert [chosen.value for chosen in app.date_input] == [FIRST, LAST]
    assert app.multiselect(key="ticker").value == []


@pytest.mark.parametrize(
    ("start", "end"),
    [("2009-01-05", "2009-02-02"), ("2011-02-10", "2011-02-01"), ("2011-01-08", "2011-01-09")],
)
def test_days_without_a_session_are_told_with_those_there_are(home, start, end):
    write_book(home)
    app = opened(from_=start, to=end)
    assert not app.exception
    assert f"between {FIRST} and {LAST}" in texts(app, "warning")


def test_what_is_empty_says_what_to_do(home):
    write_book(home)
    day = str(SESSIONS[13])
    app = opened(from_=day, to=day)
    assert not app.exception
    said = texts(app, "info")
    assert "Nothing was held" in said
    assert "No option was sold or ended" in said
    assert "No trading week ended" in said


def test_filters_that_leave_nothing_say_so(home):
    write_book(home)
    app = opened(account="REV-1", ended="assigned")
    assert not app.exception
    assert "No trade fits these filters" in texts(app, "info")


def test_a_new_run_shows_up_after_a_rerun(home):
    lake = write_book(home)
    app = opened()
    before = app.metric[0].value
    for source in lake.sources(NET_ASSET_VALUE):
        kept = lake.read(NET_ASSET_VALUE, source, end=SESSIONS[-2])
        Lake(lake.root).write(NET_ASSET_VALUE, source, kept, replacing=SESSIONS)
    app.run()
    assert not app.exception
    assert app.metric[0].value != before


def test_a_book_without_a_session_is_not_offered(home):
    lake = write_book(home)
    write_book(home, "emptied")
    nothing = lake.read(NET_ASSET_VALUE, "book=emptied").clear()
    lake.write(NET_ASSET_VALUE, "book=emptied", nothing, replacing=SESSIONS)
    app = opened()
    assert not app.exception
    assert app.selectbox(key="book").options == ["sample"]
