"""The page of chains and surfaces as Streamlit runs it, without a browser."""

from datetime import timedelta

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

from alluse_assets.adapters.lake import Lake
from alluse_assets.adapters.postgres.server import URL_VARIABLE
from alluse_assets.option_chains.surface.tables import SURFACES
from alluse_assets.option_chains.tables import OPTION_CHAINS
from tests.analytics_app.small_chain import (
    EXPIRIES,
    MARKET,
    MONDAY,
    SPOT,
    STRIKES,
    TUESDAY,
    chain,
    surface,
    two_roots,
    write_chains,
)
from tests.paths import ROOT

WEDNESDAY = TUESDAY + timedelta(1)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ALLUSE_HOME", str(tmp_path))
    monkeypatch.delenv(URL_VARIABLE, raising=False)
    return tmp_path


def opened(**query) -> AppTest:
    app = AppTest.from_file(str(ROOT / "analytics_app" / "app.py"), default_timeout=60)
    for name, value in query.items():
        app.query_params[name] = value
    return app.switch_page("pages/chains.py").run()


def texts(app: AppTest, kind: str) -> str:
    return "\n".join(element.value for element in getattr(app, kind))


def test_the_page_reads_from_what_it_is_to_the_smile_to_the_chain(home):
    write_chains(home)
    app = opened()
    assert not app.exception
    assert [heading.value for heading in app.subheader] == [
        "Volatility smile",
        "Term structure at the money",
        "Fit by expiry",
        "The chain of an expiry",
        "Premiums through the session",
    ]
    assert [one.value for one in app.selectbox] == [MARKET, "IBM", "latest", str(EXPIRIES[0])]
    fits, ladder = (frame.value for frame in app.dataframe)
    assert list(fits["points_used"]) == [8] * 4 + [0]
    assert list(ladder["strike"]) == STRIKES


def test_a_line_says_what_is_shown_and_another_where_it_came_from(home):
    lake = write_chains(home)
    app = opened()
    said = texts(app, "markdown")
    assert f"**IBM** at **{SPOT:,.2f} USD**" in said
    assert f"Tue {TUESDAY} 16:00 New York time" in said
    assert "Contracts: **90**, without an implied volatility: **5** (nobody bids: 5)" in said
    version = lake.content_id(OPTION_CHAINS, MARKET, TUESDAY, TUESDAY)[:12]
    assert f"From the lake: `option_chains` version `{version}`" in texts(app, "caption")
    assert "model-priced" not in texts(app, "caption")


def test_quotes_of_a_model_are_called_so(home):
    lake = write_chains(home)
    lake.write(OPTION_CHAINS, "sample", chain(source="sample-model"))
    assert "model-priced" in texts(opened(market="sample"), "caption")


def test_the_url_chooses_what_is_shown(home):
    write_chains(home)
    app = opened(session=str(MONDAY), expiry=str(EXPIRIES[2]), smile=str(EXPIRIES[1]), over="Strike")
    assert not app.exception
    assert f"Mon {MONDAY} 16:00" in texts(app, "markdown")
    assert app.selectbox(key="expiry").value == str(EXPIRIES[2])
    assert app.multiselect(key="smile").value == [str(EXPIRIES[1])]
    assert "Premiums through the session" not in [heading.value for heading in app.subheader]


def test_what_the_url_asks_for_in_vain_is_told_without_its_markup(home):
    write_chains(home)
    app = opened(market="none`such", session="2024-06-08")
    assert not app.exception
    said = texts(app, "warning")
    assert f"no market `none'such` here, so this is `{MARKET}`" in said
    assert "no session `2024-06-08` here, so this is `latest`" in said


def test_another_underlying_shows_its_own_latest_session(home):
    write_chains(home)
    app = opened(session=str(TUESDAY))
    app.selectbox(key="underlying").select("KO").run()
    assert not app.exception
    assert f"**KO** at **{SPOT:,.2f} USD**, quotes of **Mon {MONDAY}" in texts(app, "markdown")


def test_an_underlying_without_a_surface_says_what_to_materialise_and_shows_its_chain(home):
    write_chains(home)
    app = opened(underlying="KO")
    assert not app.exception
    assert "no surface of KO" in texts(app, "info")
    assert "Materialise `surfaces`" in texts(app, "info")
    assert list(app.dataframe[0].value["strike"]) == STRIKES


def test_two_roots_of_an_expiry_are_told_apart_and_their_strikes_counted_once(home):
    write_chains(home).write(OPTION_CHAINS, MARKET, two_roots())
    app = opened(underlying="IDX")
    assert not app.exception
    ladder = app.dataframe[0].value
    assert set(ladder["root"]) == {"IDX", "IDXW"}
    assert f"Strikes: {len(STRIKES)};" in texts(app, "caption")


def test_an_older_surface_is_not_drawn_through_a_newer_chain(home):
    lake = write_chains(home)
    lake.write(OPTION_CHAINS, MARKET, chain(WEDNESDAY))
    assert "no surface of IBM" in texts(opened(), "info")


def test_columns_that_the_source_does_not_give_are_told(home):
    write_chains(home)
    app = opened()
    assert "call_volume" in app.dataframe[-1].value.columns
    assert "call_open_interest" not in app.dataframe[-1].value.columns
    assert "The source gives no open interest." in texts(app, "caption")


def test_an_empty_lake_says_what_to_run_and_where_it_looked(home):
    app = opened()
    assert not app.exception
    assert "make run" in texts(app, "info")
    assert str(home) in texts(app, "info")


@pytest.mark.parametrize("table", [OPTION_CHAINS, SURFACES], ids=lambda table: table.name)
def test_a_damaged_file_is_told_with_what_to_do(home, table):
    write_chains(home)
    for file in (home / "lake" / table.name).rglob("*.parquet"):
        file.write_bytes(b"cut")
    app = opened()
    assert not app.exception
    assert str(home / "lake" / table.name) in texts(app, "error")
    assert "Materialise `option_chains` and `surfaces`" in texts(app, "error")


def test_a_chain_where_nothing_could_be_fitted_says_so(home):
    lake = Lake(home / "lake")
    lake.write(OPTION_CHAINS, MARKET, chain())
    bare = surface().with_columns(
        pl.lit(None, pl.Float64).alias(name) for name in surface().columns if "svi_" in name
    )
    lake.write(SURFACES, MARKET, bare)
    app = opened()
    assert not app.exception
    assert "No expiry could be fitted" in texts(app, "info")


def test_what_came_after_the_lake_is_asked_of_the_hot_store(home, hot_store, monkeypatch):
    write_chains(home)
    hot_store.upsert(OPTION_CHAINS, MARKET, chain(WEDNESDAY))
    hot_store.upsert(SURFACES, MARKET, surface(WEDNESDAY))
    monkeypatch.setenv(URL_VARIABLE, hot_store.url)
    app = opened()
    assert not app.exception
    assert f"Wed {WEDNESDAY} 16:00 New York time" in texts(app, "markdown")
    assert "From the hot store: `option_chains` version" in texts(app, "caption")
    assert not app.warning
    older = opened(session=str(MONDAY))
    assert "From the lake: `option_chains`" in texts(older, "caption")


def test_a_market_that_only_the_hot_store_has_is_shown(home, hot_store, monkeypatch):
    """After the first opening chain of a live market its lake is still empty."""
    hot_store.upsert(OPTION_CHAINS, "live", chain(WEDNESDAY))
    monkeypatch.setenv(URL_VARIABLE, hot_store.url)
    app = opened()
    assert not app.exception
    assert f"Wed {WEDNESDAY} 16:00 New York time" in texts(app, "markdown")


@pytest.mark.parametrize("state", ["away", "without a hot store"])
def test_a_server_that_cannot_be_asked_is_a_warning_and_the_lake_goes_on(home, state, monkeypatch, request):
    write_chains(home)
    url = (
        "postgresql://somebody:secret@127.0.0.1:9/nowhere"
        if state == "away"
        else request.getfixturevalue("empty_database_url")
    )
    monkeypatch.setenv(URL_VARIABLE, url)
    app = opened()
    assert not app.exception
    said = texts(app, "warning")
    assert "goes on with the lake alone" in said
    assert "secret" not in said
    assert f"Tue {TUESDAY} 16:00" in texts(app, "markdown")
