from datetime import UTC, date, datetime

import pytest

from alluse_assets.adapters.files import ingest
from alluse_assets.adapters.files.source import FilesSource
from alluse_assets.adapters.lake import Lake
from alluse_assets.base.calendar import trading_calendar
from alluse_assets.base.config.model_market import RouteRules
from alluse_assets.market_data.routing import RoutedSource
from alluse_assets.orchestration.sources import open_source
from tests.adapters.files.vendor_files import write_lean, write_vendor
from tests.adapters.source_contract import PastRange, SourceCase, SourceContract

FIRST, LAST = date(2014, 6, 5), date(2014, 6, 6)
NOW = datetime(2022, 2, 1, tzinfo=UTC)
KNOWN = {
    "rates.csv": "ts,tenor_days,rate_annual\n2021-12-01,90,0.0005\n2021-12-02,90,0.0006\n",
    "actions.csv": "ex_date,symbol,kind,ratio,amount\n2020-08-31,AAPL,split,4,\n"
    "2021-11-05,AAPL,dividend,,0.22\n",
    "earnings.csv": "report_date,symbol,moment,is_confirmed\n2022-01-27,AAPL,after_close,true\n",
}


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    """Every kind of data, from files."""
    folder = tmp_path_factory.mktemp("files")
    lean = write_lean(folder / "lean")
    for name, text in KNOWN.items():
        (folder / name).write_text(text)
    equity, option = (sorted((lean / part).rglob("*.zip")) for part in ("equity", "option"))
    taken = [*equity, *(path for path in option if "openinterest" not in path.name)]
    lake = Lake(folder / "lake")
    for path in [*taken, *(folder / name for name in KNOWN)]:
        ingest(path, lake, trading_calendar(), folder / "scratch")
    return lake


@pytest.fixture(scope="module")
def case(lake) -> SourceCase:
    return SourceCase(
        open_source("files", trading_calendar(), lake, {}),
        past={
            "bars": PastRange(["AAPL"], FIRST, LAST),
            "intraday_bars": PastRange(["AAPL"], LAST, LAST),
            "share_quotes": PastRange(["AAPL"], LAST, LAST),
            "option_quotes": PastRange(["AAPL"], FIRST, LAST),
            "option_bars": PastRange(["AAPL"], LAST, LAST),
            "rates": PastRange([], date(2021, 12, 1), date(2021, 12, 2)),
            "corporate_actions": PastRange(["AAPL"], date(2020, 8, 31), date(2021, 11, 5)),
            "earnings_dates": PastRange(["AAPL"], date(2022, 1, 27), date(2022, 1, 27)),
        },
    )


class TestFilesSource(SourceContract):
    pass


def test_it_says_the_span_of_each_symbol(lake):
    assert FilesSource(lake).provides()["bars"].symbols == {"AAPL": (FIRST, LAST)}
    assert FilesSource(lake).provides()["rates"].symbols == {
        "90 days": (date(2021, 12, 1), date(2021, 12, 2))
    }


def test_what_is_taken_in_later_is_known_at_once(tmp_path):
    lake = Lake(tmp_path / "lake")
    source = FilesSource(lake)
    assert source.provides() == {}
    ingest(write_vendor(tmp_path, "aapl_tidy_bars.csv"), lake, trading_calendar(), tmp_path / "scratch")
    assert set(source.provides()["bars"].symbols or ()) == {"AAPL", "SPX"}


def test_it_fills_what_another_source_lacks(lake):
    routes = RouteRules(default=("sample", "files"))
    calendar = trading_calendar()
    sources = {name: open_source(name, calendar, lake, {}) for name in routes.default}
    found = RoutedSource(sources, routes, calendar, lambda: NOW).history("bars", ["AAPL"], FIRST, LAST)
    assert found["source"].unique().to_list() == ["lean_equity_daily"]
