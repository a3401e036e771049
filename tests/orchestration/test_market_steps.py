"""Chains, forwards and surfaces in the lake: made once, made again when their terms or their input change."""

from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest

from alluse_assets.adapters.lake import Lake
from alluse_assets.adapters.sample_market import SampleMarket
from alluse_assets.base.calendar import trading_calendar
from alluse_assets.base.config.config_manager import load, with_values
from alluse_assets.base.quarantine import QUARANTINE
from alluse_assets.market_data.tables import BARS, INDICATORS
from alluse_assets.option_chains.surface.tables import IMPLIED_FORWARDS, MODEL_VALUES, SURFACES
from alluse_assets.option_chains.tables import OPTION_CHAINS, OPTION_QUOTES, RAW_OPTION_QUOTES
from alluse_assets.orchestration.market_preparation import (
    months_priced_otherwise,
    months_to_price,
    prepare_market,
)
from alluse_assets.orchestration.market_steps import MarketSteps, warn_of_missing_yields
from tests.adapters.timescale.rows import daily_bars
from tests.option_chains.surface.model_chains import ORDINARY, SESSION, SPOT, quotes, scaled

MONTH = (date(2011, 3, 1), date(2011, 3, 31))
CURVES = {days: scaled(ORDINARY, days / 30) for days in (10, 31, 59)}
STRIKES = np.arange(800.0, 1200.0, 10.0)
MADE = (IMPLIED_FORWARDS, OPTION_CHAINS, SURFACES, MODEL_VALUES)
RATE, YIELD = 0.02, 0.01


def steps_over(lake: Lake, **market) -> MarketSteps:
    tickers = {f"accounts.{kind}.tickers": ["SPX", "IBM"] for kind in ("gen", "rev", "com")}
    values = {
        "market.source": "files",
        "market.flat_rate_annual": RATE,
        "market.dividend_yields": {"SPX": YIELD, "IBM": YIELD},
    }
    given = {f"market.{name}": value for name, value in market.items()}
    config = with_values(load("sample", {}).config, {**tickers, **values, **given})
    return MarketSteps(lake, config, trading_calendar(), None)


def model_quotes(**changed) -> pl.DataFrame:
    """Quotes of an index and of a share; ``changed`` goes to those of the index."""
    parts = [
        quotes(CURVES, STRIKES, underlying="SPX", rate=RATE, **{"dividend_yield": 0.025, **changed}),
        quotes(CURVES, STRIKES, underlying="IBM", rate=RATE, dividend_yield=YIELD),
    ]
    return OPTION_QUOTES.conform(pl.concat(parts))


@pytest.fixture
def steps(tmp_path) -> MarketSteps:
    lake = Lake(tmp_path)
    lake.write(OPTION_QUOTES, "files", model_quotes())
    made = steps_over(lake)
    made.price_chains(*MONTH)
    made.fit_surfaces(*MONTH)
    return made


def test_an_index_is_priced_with_the_forward_its_quotes_imply_a_share_with_the_configured_yield(steps):
    chains = steps.lake.read(OPTION_CHAINS, "files")
    used = dict(chains.group_by("underlying").agg("dividend_yield_annual").iter_rows())
    assert used["SPX"] == pytest.approx([0.025] * len(used["SPX"]), abs=0.001)
    assert set(used["IBM"]) == {YIELD}
    assert steps.priced(model_quotes()).sort(OPTION_CHAINS.key).equals(chains.sort(OPTION_CHAINS.key))


def test_shares_priced_without_a_configured_yield_are_named_in_the_log_once(tmp_path, caplog):
    """A dividend payer that nobody configured was priced at yield 0 in silence."""
    warn_of_missing_yields.cache_clear()
    steps = steps_over(Lake(tmp_path), dividend_yields={})
    steps.priced(model_quotes())
    assert set(steps.priced(model_quotes()).filter(underlying="IBM")["dividend_yield_annual"]) == {0.0}
    (told,) = caplog.record_tuples
    assert told[0] == "alluse.pricing"
    assert "no dividend yield for IBM: priced as if none were paid" in told[2]
    assert "SPX" not in told[2]
    caplog.clear()
    steps_over(Lake(tmp_path), dividend_yields={"IBM": 0.0}).priced(model_quotes())
    steps_over(Lake(tmp_path), source="sample", dividend_yields={}).priced(model_quotes())
    assert caplog.record_tuples == []


def test_every_expiry_has_a_forward_and_a_curve(steps):
    forwards, surfaces = (steps.lake.read(table, "files") for table in (IMPLIED_FORWARDS, SURFACES))
    assert forwards.height == surfaces.height == 2 * len(CURVES)
    told = dict(forwards.select("underlying", "status").unique().iter_rows())
    assert told["IBM"] == "american"
    assert told["SPX"] in ("ok", "forward_only")
    assert surfaces["fit_status"].is_in(["svi", "ssvi"]).all()
    assert surfaces["butterfly_free"].all()
    assert surfaces["underlying_price"].unique().to_list() == [SPOT]


def test_a_second_time_nothing_is_written(steps):
    before = [steps.lake.manifests(table, "files") for table in MADE]
    steps.price_chains(*MONTH)
    steps.fit_surfaces(*MONTH)
    assert [steps.lake.manifests(table, "files") for table in MADE] == before
    assert [steps.lake.stale(table, "files") for table in MADE] == [[], [], [], []]


def test_what_the_quotes_told_is_not_priced_again_what_was_configured_is(steps):
    """The yield of an index chain is never the configured one: it would be made again at each start."""
    assert months_priced_otherwise(steps, *MONTH) == []
    index_only = steps_over(steps.lake, dividend_yields={"SPX": 0.04, "IBM": YIELD})
    assert months_priced_otherwise(index_only, *MONTH) == []
    for other in (
        steps_over(steps.lake, dividend_yields={"SPX": YIELD, "IBM": 0.04}),
        steps_over(steps.lake, flat_rate_annual=0.03),
    ):
        assert months_priced_otherwise(other, *MONTH) == [MONTH]
        other.price_chains(*MONTH)
        assert months_priced_otherwise(other, *MONTH) == []


def test_a_chain_of_another_exercise_style_is_priced_again(steps):
    european = steps_over(steps.lake, index_options={name: {"pm_roots": [name]} for name in ("SPX", "IBM")})
    assert months_priced_otherwise(european, *MONTH) == [MONTH]
    european.price_chains(*MONTH)
    assert months_priced_otherwise(european, *MONTH) == []


def test_model_values_that_a_kill_left_behind_are_made_again(steps):
    """Surfaces were written anew, and then the process was killed."""
    steps.lake.write(OPTION_QUOTES, "files", model_quotes(dividend_yield=0.03))
    steps.price_chains(*MONTH)
    kept = steps.lake.read(MODEL_VALUES, "files"), steps.lake.manifests(MODEL_VALUES, "files")
    steps.fit_surfaces(*MONTH)
    assert months_to_price(steps, *MONTH) == []
    steps.lake.write(
        MODEL_VALUES,
        "files",
        kept[0],
        replacing=trading_calendar().sessions(*MONTH),
        inputs=kept[1][0].inputs,
    )
    assert months_to_price(steps, *MONTH) == [MONTH]


def test_surfaces_of_chains_that_changed_are_stale_until_they_are_fitted_again(steps):
    dearer = model_quotes(dividend_yield=0.03)
    steps.lake.write(OPTION_QUOTES, "files", dearer)
    steps.price_chains(*MONTH)
    assert [one.month for one in steps.lake.stale(SURFACES, "files")] == ["2011-03"]
    before = steps.lake.read(SURFACES, "files")
    steps.fit_surfaces(*MONTH)
    assert steps.lake.stale(SURFACES, "files") == []
    assert not steps.lake.read(SURFACES, "files").equals(before)


def test_when_every_quote_is_refused_afterwards_nothing_that_was_made_of_them_stays(steps):
    steps.lake.write(RAW_OPTION_QUOTES, "files", RAW_OPTION_QUOTES.conform(model_quotes()))
    steps.validate_quotes(*MONTH)
    steps.price_chains(*MONTH)
    steps.fit_surfaces(*MONTH)
    crossed = model_quotes().with_columns(bid=pl.col("ask") + 1)
    steps.lake.write(RAW_OPTION_QUOTES, "files", RAW_OPTION_QUOTES.conform(crossed))
    steps.validate_quotes(*MONTH)
    steps.price_chains(*MONTH)
    steps.fit_surfaces(*MONTH)
    assert [steps.lake.read(table, "files").height for table in (OPTION_QUOTES, *MADE)[:4]] == [0] * 4
    assert [steps.lake.stale(table, "files") for table in MADE] == [[], [], [], []]


def test_a_bar_that_is_refused_afterwards_takes_its_indicators_along(steps):
    days = trading_calendar().sessions(date(2010, 1, 4), MONTH[1])
    steps.lake.write(BARS, "files", daily_bars(days, ("IBM",)))
    steps.compute_indicators(*MONTH)
    steps.lake.write(BARS, "files", daily_bars(days[:-1], ("IBM",)), replacing=days)
    steps.compute_indicators(*MONTH)
    assert steps.lake.read(INDICATORS, "files")["ts"].max() == days[-2]
    assert steps.lake.stale(INDICATORS, "files") == []


def test_quotes_that_came_under_another_date_than_their_own_are_refused_under_their_own(steps):
    """Looking at a chain on a Sunday once broke the judging of the whole month."""
    sunday = model_quotes().with_columns(pl.col("quote_ts") + pl.duration(days=5))
    rows = pl.concat([model_quotes(), sunday])
    steps.lake.write(RAW_OPTION_QUOTES, "files", RAW_OPTION_QUOTES.conform(rows))
    live = replace(steps, source=SampleMarket(trading_calendar(), threads=1))
    for _ in range(2):
        counts = live.validate_quotes(*MONTH)
        assert counts.quarantined >= sunday.height
        assert set(steps.lake.read(QUARANTINE, "files", date(2011, 3, 6), date(2011, 3, 6))["rule"]) == {
            "not_a_session"
        }


def test_a_locked_quote_is_refused_and_valued_on_the_surface(tmp_path):
    lake = Lake(tmp_path)
    steps = steps_over(lake)
    locked = (pl.col("strike") == 950) & (pl.col("underlying") == "IBM") & (pl.col("right") == "P")
    rows = model_quotes().with_columns(ask=pl.when(locked).then(pl.col("bid")).otherwise(pl.col("ask")))
    lake.write(RAW_OPTION_QUOTES, "files", RAW_OPTION_QUOTES.conform(rows))
    steps.validate_quotes(*MONTH)
    steps.price_chains(*MONTH)
    steps.fit_surfaces(*MONTH)
    refused = lake.read(QUARANTINE, "files")
    assert set(refused["rule"]) == {"locked_market"}
    values = lake.read(MODEL_VALUES, "files").filter(pl.col("why") == "refused")
    assert values.height == refused.height == len(CURVES)
    assert values["surface_status"].unique().to_list() == ["ok"]
    sound = rows.filter(locked).sort("contract_symbol")["bid"]
    assert (values.sort("contract_symbol")["model_value"] - sound).abs().max() < 0.2
    assert lake.read(OPTION_CHAINS, "files").filter(locked).is_empty()
    assert values["session"][0] == SESSION


def test_preparing_a_market_makes_what_a_killed_process_left_out_and_nothing_else(tmp_path, monkeypatch):
    monkeypatch.setattr(MarketSteps, "screen_entries", lambda *_: None)
    config, calendar, lake = load("sample", {}).config, trading_calendar(), Lake(tmp_path)
    steps = MarketSteps(lake, config, calendar, SampleMarket(calendar, threads=2))
    week = (date(2011, 1, 3), date(2011, 1, 7))
    prepare_market(steps, "book", *week)
    made = {table: lake.manifests(table, "sample") for table in MADE}
    assert all(made.values())

    told = []
    prepare_market(steps, "book", *week, lambda done, total: told.append(total))
    assert set(told) == {2}  # no month was to be made

    def as_first_made() -> bool:
        prepare_market(steps, "book", *week)
        return all(lake.manifests(t, "sample")[0].content_id == m[0].content_id for t, m in made.items())

    for lost in (IMPLIED_FORWARDS, SURFACES, MODEL_VALUES):
        lake.remove_months(lost, "sample", ["2011-01"])
        assert as_first_made()
    # Other chains and the surfaces of those before: what a kill between two steps leaves.
    lake.write(OPTION_CHAINS, "sample", lake.read(OPTION_CHAINS, "sample").with_columns(bid=pl.lit(0.0)))
    assert lake.stale(SURFACES, "sample")
    assert as_first_made()
    assert not lake.stale(SURFACES, "sample")
