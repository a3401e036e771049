"""What calls and puts say of the forward, on chains whose answer is known and on real ones."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alluse_assets.base.quarantine import QUARANTINE
from alluse_assets.option_chains.chains import with_terms
from alluse_assets.option_chains.pricing.european import european_value
from alluse_assets.option_chains.surface.fill import fill, unquoted
from alluse_assets.option_chains.surface.fit import fit_surfaces
from alluse_assets.option_chains.surface.forwards import implied_forwards
from alluse_assets.option_chains.surface.lookup import lookup
from alluse_assets.option_chains.surface.tables import FORWARD_STATUSES, IMPLIED_FORWARDS
from tests.option_chains.surface.model_chains import (
    EUROPEAN,
    ORDINARY,
    RATES,
    SPOT,
    YIELDS,
    chains,
    quotes,
    years_to,
)
from tests.option_chains.surface.spx import SPX_FILE, spx_chains, spx_forwards


def told(frame: pl.DataFrame) -> dict[str, float]:
    return implied_forwards(with_terms(frame, RATES, YIELDS, EUROPEAN)).row(0, named=True)


@settings(max_examples=20, deadline=None)
@given(st.floats(0.0, 0.0499), st.floats(0.0, 0.05))  # the configured 2 % and three points are the edge
def test_rate_and_yield_that_made_the_quotes_are_found(rate: float, dividend_yield: float) -> None:
    row = told(quotes({90: ORDINARY}, rate=rate, dividend_yield=dividend_yield))
    assert row["status"] == "ok"
    assert row["rate_annual"] == pytest.approx(rate, abs=2e-6)
    assert row["dividend_yield_annual"] == pytest.approx(dividend_yield, abs=2e-6)
    forward = SPOT * np.exp((rate - dividend_yield) * years_to(90))
    assert row["forward_price"] == pytest.approx(forward, abs=1e-3)
    assert row["discount_factor"] == pytest.approx(np.exp(-rate * years_to(90)), abs=1e-6)


def test_one_wrong_quote_does_not_move_the_forward() -> None:
    frame = quotes({90: ORDINARY})
    wrong = (pl.col("strike") == 1000) & (pl.col("right") == "C")
    spoilt = frame.with_columns(
        pl.when(wrong).then(pl.col(side) + 5).otherwise(side) for side in ("bid", "ask")
    )
    sound, moved = told(frame), told(spoilt)
    assert moved["forward_price"] == pytest.approx(sound["forward_price"], abs=0.02)
    assert moved["rate_annual"] == pytest.approx(sound["rate_annual"], abs=1e-4)


def test_near_the_expiry_only_the_forward_is_taken_from_the_quotes() -> None:
    """A cent of noise over a day would be percents of a rate."""
    noise = np.random.default_rng(3).normal(0, 0.02, 180)
    frame = quotes({2: ORDINARY}, strikes=np.arange(960.0, 1050.0, 1.0), half_spread=0.1, dividend_yield=0.03)
    frame = frame.with_columns(bid=pl.col("bid") + noise, ask=pl.col("ask") + noise)
    row = told(frame)
    assert (row["status"], row["rate_annual"]) == ("forward_only", 0.02)
    assert row["forward_price"] == pytest.approx(SPOT * np.exp((0.02 - 0.03) * years_to(2)), abs=0.02)
    assert row["dividend_yield_annual"] == pytest.approx(0.03, abs=0.005)


def lagging(hours: float, behind: float) -> pl.DataFrame:
    """Quotes of a chain on its last day, at a volatility of 0.2, whose spot is ``behind`` by that share."""
    strike = np.arange(985.0, 1016.0)
    both, is_call = np.tile(strike, 2), np.repeat([True, False], strike.size)
    at = datetime(2011, 3, 1, 21, tzinfo=UTC) - timedelta(hours=hours)
    value = european_value(SPOT, both, hours / 24 / 365, 0.02, 0.01, 0.2, is_call)
    return quotes({0: ORDINARY}, strikes=strike).with_columns(
        quote_ts=pl.lit(at).cast(pl.Datetime("us", "UTC")),
        underlying_price=pl.lit(SPOT / (1 + behind)),
        bid=pl.Series(np.maximum(value - 0.02, 0.0)),
        ask=pl.Series(value + 0.02),
    )


@pytest.mark.parametrize("hours", [0.5, 2.0, 6.0])
@pytest.mark.parametrize("behind", [-0.002, 0.002, 0.01])
def test_on_the_last_day_a_spot_that_lags_behind_the_quotes_spoils_no_volatility(
    hours: float, behind: float
) -> None:
    """Half an hour left and the spot 0.2 % behind: the call at the money once had 0.685, the put 0.022."""
    frame = lagging(hours, behind)
    row = told(frame)
    assert row["status"] in ("ok", "forward_only")
    assert abs(row["dividend_yield_annual"]) > 1
    assert row["forward_price"] == pytest.approx(SPOT, abs=0.02)
    priced = chains(frame)
    quoted = priced.filter(pl.col("bid") > 0.1)
    assert quoted.height > 10
    assert (quoted["iv_annual"] - 0.2).abs().max() < 1e-3

    surface = fit_surfaces(priced)
    found = lookup(surface, priced.filter(pl.col("bid") == 0))
    assert found["surface_status"].unique().to_list() == ["ok"]
    assert found["iv_annual"].is_between(0.1, 0.5).all()
    filled = fill(unquoted(priced, pl.DataFrame(schema=QUARANTINE.schema), EUROPEAN), surface)
    assert filled.height > 5
    assert filled["model_value"].is_between(0.0, 0.05).all()


def test_a_forward_far_from_the_spot_is_not_believed() -> None:
    row = told(lagging(2.0, 0.05))
    assert (row["status"], row["dividend_yield_annual"]) == ("inconsistent", 0.01)


def test_where_quotes_tell_nothing_the_given_rate_and_yield_stay_and_the_reason_is_said() -> None:
    american = told(quotes({30: ORDINARY}, underlying="XYZ", dividend_yield=0.04))
    few = told(quotes({30: ORDINARY}, strikes=np.array([990.0, 1010.0]), dividend_yield=0.04))
    no_time = told(quotes({30: ORDINARY}).with_columns(expiry=pl.col("session")))
    apart = quotes({30: ORDINARY})
    shift = pl.Series(np.where(np.arange(apart.height) % 2 == 0, 3.0, 0.0))
    torn = told(
        apart.with_columns(pl.col(side) + shift * (pl.col("right") == "C") for side in ("bid", "ask"))
    )
    found = [row["status"] for row in (american, few, no_time, torn)]
    assert found == ["american", "too_few_strikes", "zero_time", "inconsistent"]
    for row in (american, few, no_time, torn):
        assert (row["rate_annual"], row["dividend_yield_annual"]) == (0.02, 0.01)
        forward = SPOT * np.exp(0.01 * row["years_to_expiry"])
        assert row["forward_price"] == pytest.approx(forward, abs=1e-3)


def test_rows_in_any_order_give_the_same_bytes_and_none_give_none() -> None:
    frame = with_terms(quotes({30: ORDINARY, 60: ORDINARY}), RATES, YIELDS, EUROPEAN)
    forwards = implied_forwards(frame)
    assert implied_forwards(frame.sample(fraction=1.0, shuffle=True, seed=2)).equals(forwards)
    assert forwards.schema == IMPLIED_FORWARDS.schema
    assert implied_forwards(frame.clear()).schema == IMPLIED_FORWARDS.schema


def test_real_chains_tell_the_forward_of_nearly_every_expiry() -> None:
    forwards = spx_forwards().filter(pl.col("years_to_expiry") > 0)
    assert set(forwards["status"]) <= set(FORWARD_STATUSES)
    assert forwards["status"].is_in(["ok", "forward_only"]).mean() > 0.98
    long = forwards.filter(pl.col("status") == "ok", pl.col("years_to_expiry") > 0.25)
    # The Treasury's yields of spring 2019 were 2.0 to 2.5%; a box of options costs up to half a point more.
    assert long["rate_annual"].is_between(0.018, 0.032).all()
    assert long["dividend_yield_annual"].median() == pytest.approx(0.0195, abs=0.002)
    assert forwards["residual_usd"].median() < 0.15


def test_our_delta_on_real_chains_is_the_vendor_s_to_less_than_a_hundredth() -> None:
    vendor = pl.read_parquet(SPX_FILE, columns=["quote_ts", "contract_symbol", "delta", "iv"])

    def distance(chains: pl.DataFrame) -> pl.DataFrame:
        both = chains.join(vendor, on=["quote_ts", "contract_symbol"], suffix="_vendor")
        known = both.filter(pl.col("delta").is_not_null(), pl.col("iv") > 0)
        assert known.height > 70_000
        return known.select(
            delta=(pl.col("delta") - pl.col("delta_vendor")).abs(),
            iv=(pl.col("iv_annual") - pl.col("iv")).abs(),
        ).median()

    flat, implied = distance(spx_chains(with_forwards=False)), distance(spx_chains())
    assert flat["delta"].item() < 0.01
    assert implied["delta"].item() < 0.001
    assert implied["iv"].item() < 0.001
    assert implied["delta"].item() < flat["delta"].item() / 2


def test_with_implied_forwards_call_and_put_of_a_strike_have_one_volatility() -> None:
    def gap(chains: pl.DataFrame) -> float:
        near = chains.filter(pl.col("delta").abs().is_between(0.2, 0.8), pl.col("dte_days") > 7)
        sides = [near.filter(pl.col("right") == right) for right in ("C", "P")]
        # The root is part of the key: SPX and SPXW expire on the same Fridays.
        sides = [side.with_columns(root=pl.col("contract_symbol").str.head(-15)) for side in sides]
        both = sides[0].join(sides[1], on=["quote_ts", "root", "expiry", "strike"], suffix="_put")
        return float((both["iv_annual"] - both["iv_annual_put"]).abs().median())  # type: ignore[arg-type]

    assert gap(spx_chains()) < 0.0005 < gap(spx_chains(with_forwards=False))
