"""What has no usable quote gets a value on the surface, and nothing that is quoted is touched."""

from datetime import UTC, datetime
from functools import cache

import polars as pl
import pytest

from alluse_assets.base.config.model_market import QualityRules
from alluse_assets.base.quarantine import QUARANTINE
from alluse_assets.option_chains.chain_rules import screen_chains
from alluse_assets.option_chains.surface.fill import fill, unquoted
from alluse_assets.option_chains.surface.fit import fit_surfaces
from alluse_assets.option_chains.surface.tables import MODEL_VALUES
from alluse_assets.option_chains.tables import OPTION_QUOTES
from tests.option_chains.surface.model_chains import EUROPEAN, ORDINARY, chains, quotes
from tests.option_chains.surface.spx import spx_chains

NO_ROWS = QUARANTINE.empty()


@cache
def whole() -> pl.DataFrame:
    return chains(quotes({30: ORDINARY}, half_spread=0.01))


def without_bid(strikes: list[float]) -> pl.DataFrame:
    frame = quotes({30: ORDINARY}, half_spread=0.01)
    silent = pl.col("strike").is_in(strikes)
    return chains(frame.with_columns(bid=pl.when(silent).then(0.0).otherwise(pl.col("bid"))))


def test_a_contract_that_lost_its_bid_is_valued_as_it_was_quoted():
    frame = without_bid([950.0, 1050.0])
    values = fill(unquoted(frame, NO_ROWS, EUROPEAN), fit_surfaces(frame))
    lost = values.filter(pl.col("strike").is_in([950.0, 1050.0]))
    assert lost["why"].unique().to_list() == ["no_bid"]
    both = lost.join(whole(), on="contract_symbol", suffix="_quoted")
    assert both.height == 4
    assert (both["model_value"] - both["mid"]).abs().max() < 0.05
    assert (both["delta"] - both["delta_quoted"]).abs().max() < 0.005
    assert (both["beyond_strikes"]).not_().all()


def test_it_values_all_that_have_no_mid_and_only_those():
    frame = without_bid([950.0])
    contracts = unquoted(frame, NO_ROWS, EUROPEAN)
    silent = frame.filter(pl.col("mid").is_null())
    assert set(contracts["contract_symbol"]) == set(silent["contract_symbol"])
    values = fill(contracts, fit_surfaces(frame))
    assert values.schema == MODEL_VALUES.schema
    assert not {"bid", "ask", "mid"} & set(values.columns)


def test_a_quote_that_was_refused_is_valued_and_its_row_stays_in_quarantine():
    frame = OPTION_QUOTES.conform(quotes({30: ORDINARY}, half_spread=0.01))
    locked = (pl.col("strike") == 950) & (pl.col("right") == "P")
    spoilt = frame.with_columns(ask=pl.when(locked).then(pl.col("bid")).otherwise(pl.col("ask")))
    good, refused = screen_chains(spoilt, frame.clear(), EUROPEAN, QualityRules(), "test")
    assert refused["rule"].to_list() == ["locked_market"]
    frame = chains(good)
    values = fill(unquoted(frame, refused, EUROPEAN), fit_surfaces(frame))
    (row,) = values.filter(pl.col("why") == "refused").iter_rows(named=True)
    quoted = whole().row(by_predicate=locked, named=True)
    assert (row["contract_symbol"], row["exercise_style"]) == (quoted["contract_symbol"], "european")
    assert row["model_value"] == pytest.approx(quoted["mid"], abs=0.05)
    # A later snapshot quotes it: then there is nothing to fill.
    assert unquoted(whole(), refused, EUROPEAN).filter(pl.col("why") == "refused").is_empty()
    # Another instant's surface says nothing of it.
    elsewhere = frame.with_columns(
        quote_ts=pl.lit(datetime(2011, 3, 2, 21, tzinfo=UTC)).dt.cast_time_unit("us")
    )
    assert unquoted(elsewhere, refused, EUROPEAN).filter(pl.col("why") == "refused").is_empty()


def test_without_a_surface_there_is_a_reason_and_no_value():
    frame = chains(quotes({30: ORDINARY}).with_columns(bid=pl.lit(0.0)))
    values = fill(unquoted(frame, NO_ROWS, EUROPEAN), fit_surfaces(frame))
    assert values.height == frame.height
    assert values["surface_status"].unique().to_list() == ["no_surface"]
    assert values["model_value"].null_count() == values.height


def test_at_the_expiry_it_is_what_exercising_pays():
    ending = quotes({31: ORDINARY}).with_columns(bid=pl.lit(0.0), expiry=pl.col("session"))
    frame = chains(pl.concat([quotes({30: ORDINARY}), ending]))
    values = fill(unquoted(frame, NO_ROWS, EUROPEAN), fit_surfaces(frame))
    over = values.filter(pl.col("years_to_expiry") == 0)
    assert over.height == 180
    assert over["surface_status"].unique().to_list() == ["zero_time"]
    put = over.row(by_predicate=(pl.col("right") == "P") & (pl.col("strike") == 1030), named=True)
    assert put["model_value"] == 30.0
    assert over.filter(pl.col("right") == "C", pl.col("strike") >= 1000)["model_value"].max() == 0.0


def test_order_and_threads_change_nothing():
    frame = spx_chains().filter(pl.col("session") == spx_chains()["session"].min())
    surfaces = fit_surfaces(frame)
    contracts = unquoted(frame, NO_ROWS, frozenset({"SPX"}))
    values = fill(contracts, surfaces)
    assert values.height > 100
    assert values["model_value"].is_not_null().mean() > 0.95
    assert fill(contracts, surfaces, threads=2).equals(values)
    shuffled = contracts.sample(fraction=1.0, shuffle=True, seed=7)
    assert fill(shuffled, surfaces).sort(MODEL_VALUES.key).equals(values)
    # What nobody bids for is worth little: it is far out of the money, or its last day.
    far = values.filter(pl.col("delta").abs() < 0.05)
    assert far["model_value"].median() < 1.0
