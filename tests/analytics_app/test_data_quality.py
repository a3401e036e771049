"""The page of what was refused, as Streamlit runs it, without a browser."""

from datetime import UTC, date, datetime

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

from alluse_assets.adapters.lake import Lake
from alluse_assets.base.calendar import trading_calendar
from alluse_assets.base.quarantine import QUARANTINE
from alluse_assets.market_data.cleaning import clean_bars
from alluse_assets.market_data.tables import BARS, RAW_BARS
from analytics_app.charts import PALETTES
from analytics_app.quality_figures import refused_by_rule, refused_chart
from tests.paths import ROOT


def rows(*changes) -> pl.DataFrame:
    sound = {"open": 10.0, "high": 11.0, "low": 9.0, "close": 10.0, "volume": 100, "source": "files"}
    return pl.DataFrame([sound | {"ts": date(2024, 6, 3), "symbol": "IBM"} | change for change in changes])


BAD = rows(
    {},
    {"symbol": "MSFT", "high": 8.0},
    {"symbol": "AAPL", "close": -1.0},
    {"symbol": "AAPL", "ts": date(2024, 7, 4)},
    {"symbol": "MSFT", "ts": date(2024, 7, 5), "high": 8.0},
)


@pytest.fixture
def lake(tmp_path, monkeypatch) -> Lake:
    monkeypatch.setenv("ALLUSE_HOME", str(tmp_path))
    return Lake(tmp_path / "lake", clock=lambda: datetime(2024, 7, 8, tzinfo=UTC))


def take_in(lake: Lake, frame: pl.DataFrame) -> None:
    good, refused = clean_bars(frame, trading_calendar(), "files")
    lake.write(RAW_BARS, "files", BARS.conform(frame))
    inputs = lake.inputs(RAW_BARS, "files", date(2024, 6, 1), date(2024, 7, 31))
    lake.write(QUARANTINE, "files", refused)
    lake.write(BARS, "files", good, inputs=inputs)


def opened(**query) -> AppTest:
    app = AppTest.from_file(str(ROOT / "analytics_app" / "app.py"), default_timeout=60)
    for name, value in query.items():
        app.query_params[name] = value
    return app.switch_page("pages/data_quality.py").run()


def test_the_page_tells_what_was_refused_how_much_and_since_when(lake):
    take_in(lake, BAD)
    app = opened()
    assert not app.exception
    assert [metric.value for metric in app.metric] == ["1", "4", "2024-07-05"]
    by_rule = app.dataframe[0].value
    assert by_rule[["rule", "rows"]].to_numpy().tolist() == [
        ["high_below_low", 2],
        ["negative_price", 1],
        ["not_a_session", 1],
    ]
    assert by_rule["first_session"][0].date() == date(2024, 6, 3)
    assert by_rule["last_session"][0].date() == date(2024, 7, 5)
    assert by_rule["share"][0] == pytest.approx(2 / 5)


def test_a_rule_is_chosen_by_the_url(lake):
    take_in(lake, BAD)
    app = opened(rule="not_a_session")
    assert set(app.dataframe[1].value["rule"]) == {"not_a_session"}
    assert '"symbol":"AAPL"' in app.dataframe[1].value["row_json"][0]


def test_a_market_without_refusals_says_so(lake):
    take_in(lake, rows({}))
    app = opened()
    assert not app.exception
    assert "Nothing was refused" in app.success[0].value
    assert app.metric[1].value == "0"


def test_an_empty_lake_says_what_to_run(lake):
    app = opened()
    assert not app.exception
    assert "make run" in app.info[0].value


def test_what_was_corrected_and_what_is_out_of_date_is_told(lake):
    take_in(lake, rows({}, {"ts": date(2024, 7, 5)}))
    lake.write(RAW_BARS, "files", BARS.conform(rows({"close": 10.5})))
    state = opened().dataframe[0].value.set_index("table")
    assert state.loc["bars", "out_of_date"] == 2
    take_in(lake, rows({"close": 10.5}, {"ts": date(2024, 7, 5)}))
    state = opened().dataframe[0].value.set_index("table")
    assert state.loc["bars", ["out_of_date", "corrected"]].to_list() == [0, 1]


def test_a_damaged_file_is_told_with_what_to_do(lake, tmp_path):
    take_in(lake, BAD)
    for file in (tmp_path / "lake" / "quarantine").rglob("*.parquet"):
        file.write_bytes(b"cut")
    app = opened()
    assert not app.exception
    assert "cannot be read" in app.error[0].proto.title or "alluse ingest" in app.error[0].value


def test_rows_that_were_corrected_since_are_told(lake):
    take_in(lake, BAD)
    assert "; 0 corrected since" in " ".join(caption.value for caption in opened().caption)
    take_in(lake, rows({"symbol": "AAPL"}, {"symbol": "MSFT"}))
    app = opened()
    assert not app.exception
    assert "; 2 corrected since" in " ".join(caption.value for caption in app.caption)
    by_rule = app.dataframe[0].value.set_index("rule")
    assert by_rule["corrected"].to_dict() == {"high_below_low": 1, "negative_price": 1, "not_a_session": 0}
    shown = app.dataframe[1].value
    assert set(shown[shown["is_corrected"]]["row_key"]) == {"2024-06-03|AAPL", "2024-06-03|MSFT"}


def test_the_share_of_a_table_whose_rows_are_not_known_is_empty():
    _, refused = clean_bars(BAD, trading_calendar(), "files")
    refused = refused.with_columns(is_corrected=pl.lit(False))
    assert refused_by_rule(refused, {})["share"].null_count() == 3


def test_rare_rules_are_one_colour_in_the_chart():
    _, refused = clean_bars(BAD, trading_calendar(), "files")
    many = pl.concat([refused.with_columns(rule=pl.lit(f"rule {n}")).head(1 + n % 3) for n in range(7)])
    chart = refused_chart(many, PALETTES["light"])
    names = [bar.name for bar in chart.figure.data]
    assert len(names) == 5
    assert names[-1] == "other rules"
    assert sum(sum(bar.y) for bar in chart.figure.data) == many.height
    assert "other rules" in chart.alt
    assert QUARANTINE.schema.names()[0] == "session"
