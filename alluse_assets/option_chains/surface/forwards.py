"""The forward of each expiry as calls and puts of one strike tell it (put-call parity).

European options only: of American ones parity gives bounds, not a line, so theirs is the configured
yield (see docs/decisions/svi-surface.md). Where the quotes tell no rate, as a day before expiry, only the
forward is taken from them; where they tell no forward either, rate and yield are the given ones, and the
status says why. Pricing with the result belongs to ``chains``.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from alluse_assets.option_chains.surface import forward_kernels as kernels
from alluse_assets.option_chains.surface.roots import SLICE, of_the_expiry_s_root, slices_of
from alluse_assets.option_chains.surface.tables import IMPLIED_FORWARDS
from alluse_assets.option_chains.tables import LARGEST_YIELD

_SHARED = (
    "session",
    "years_to_expiry",
    "underlying_price",
    "rate_annual",
    "dividend_yield_annual",
    "exercise_style",
)
_LEAST_STRIKES = 4
# A rate is believed whose standard error is at most this, and that is as near to the given one.
_RATE_ERROR = 0.0015
_RATE_DISTANCE = 0.03
# Mids that lie this many half spreads off one line are not quotes of one forward.
_INCONSISTENT = 1.5
# A forward is believed whose yield is 1 at most, or moves it by this share of the spot: near the expiry cents
# are a large yield, and that yield is what makes up for a spot that lags behind the quotes.
_FORWARD_DISTANCE = 0.03
_LARGEST_YIELDS = (1.0, LARGEST_YIELD)
_DECIMALS = 6


def implied_forwards(quotes: pl.DataFrame) -> pl.DataFrame:
    """Rows of table implied_forwards, by its key: one for each expiry of each chain.

    Args:
        quotes: rows of option_quotes with ``years_to_expiry``, ``rate_annual`` and
            ``dividend_yield_annual`` (what is used where the quotes tell nothing) and ``exercise_style``.
    """
    if quotes.is_empty():
        return IMPLIED_FORWARDS.empty()
    chosen = of_the_expiry_s_root(quotes)
    slices = slices_of(chosen, _SHARED).with_columns(
        given_discount=(-pl.col("rate_annual") * pl.col("years_to_expiry")).exp().round(12)
    )
    pairs = _pairs(chosen)
    counts = slices.join(pairs.group_by(SLICE).len(), on=SLICE, how="left", maintain_order="left")["len"]
    edges = np.concatenate([[0], counts.fill_null(0).cast(pl.Int64).cum_sum().to_numpy()])
    columns = kernels.Pairs(
        *(pairs[name].to_numpy().copy() for name in ("strike", "difference", "half_spread"))
    )
    given = slices["given_discount"].to_numpy().copy()
    free, fixed = np.zeros((given.size, kernels.COLUMNS)), np.zeros((given.size, kernels.COLUMNS))
    kernels.parity_rows(edges, columns, given, free, fixed)
    return IMPLIED_FORWARDS.conform(_judged(slices, free, fixed))


def with_implied(frame: pl.DataFrame, forwards: pl.DataFrame) -> pl.DataFrame:
    """``frame`` with rate and yield of ``forwards`` wherever its status is ok or forward_only."""
    told = forwards.filter(pl.col("status").is_in(["ok", "forward_only"])).select(
        *SLICE, told_rate="rate_annual", told_yield="dividend_yield_annual"
    )
    joined = frame.join(told, on=SLICE, how="left", maintain_order="left")
    return joined.with_columns(
        rate_annual=pl.coalesce("told_rate", "rate_annual"),
        dividend_yield_annual=pl.coalesce("told_yield", "dividend_yield_annual"),
    ).drop("told_rate", "told_yield")


def _pairs(quotes: pl.DataFrame) -> pl.DataFrame:
    """Strikes of European options whose call and put both have a bid, by expiry and strike."""
    two_sided = quotes.filter(
        (pl.col("bid") > 0) & (pl.col("ask") >= pl.col("bid")) & (pl.col("exercise_style") == "european")
    )
    sides = [
        two_sided.filter(pl.col("right") == right).select(*SLICE, "strike", "bid", "ask")
        for right in ("C", "P")
    ]
    both = sides[0].join(sides[1], on=[*SLICE, "strike"], suffix="_put")
    spreads = pl.col("ask") - pl.col("bid") + pl.col("ask_put") - pl.col("bid_put")
    return (
        both.select(
            *SLICE,
            "strike",
            difference=(pl.col("bid") + pl.col("ask") - pl.col("bid_put") - pl.col("ask_put")) / 2,
            half_spread=(spreads / 2).clip(0.005),
        )
        .sort(*SLICE, "strike", "half_spread")
        .unique([*SLICE, "strike"], keep="first", maintain_order=True)
    )


def _judged(slices: pl.DataFrame, free: kernels.Floats, fixed: kernels.Floats) -> pl.DataFrame:
    """Which of the two lines is believed, or why none; rate and yield of it, and the columns of the table."""
    years, spot = (slices[name].to_numpy() for name in ("years_to_expiry", "underlying_price"))
    rate, dividend_yield = (slices[name].to_numpy() for name in ("rate_annual", "dividend_yield_annual"))
    given = slices["given_discount"].to_numpy()
    with np.errstate(all="ignore"):
        free_rate = np.round(-np.log(free[:, kernels.DISCOUNT]) / years, _DECIMALS)
        rate_told = (
            (free[:, kernels.DISCOUNT_ERROR] / (free[:, kernels.DISCOUNT] * years) <= _RATE_ERROR)
            & (np.abs(free_rate - rate) <= _RATE_DISTANCE)
            & (free[:, kernels.USED] >= 2 * _LEAST_STRIKES)
        )
        line = np.where(rate_told[:, None], free, fixed)
        told_rate = np.where(rate_told, free_rate, rate)
        largest_yield = np.clip(_FORWARD_DISTANCE / years, *_LARGEST_YIELDS)
        told_yield = np.round(told_rate - np.log(line[:, kernels.FORWARD] / spot) / years, _DECIMALS)
    conditions = {
        "zero_time": years <= 0,
        "american": (slices["exercise_style"] == "american").to_numpy(),
        "too_few_strikes": line[:, kernels.USED] < _LEAST_STRIKES,
        "inconsistent": ~(np.abs(told_yield) <= largest_yield)
        | (line[:, kernels.RESIDUAL] > _INCONSISTENT * line[:, kernels.HALF_SPREAD]),
        "ok": rate_told,
    }
    status = np.select(list(conditions.values()), list(conditions), "forward_only")
    told = np.isin(status, ("ok", "forward_only"))
    told_rate = np.where(told, told_rate, rate)
    told_yield = np.where(told, told_yield, dividend_yield)
    # From the rounded rate and yield, so that who prices with these gets this forward.
    forward = np.round(spot * np.exp((told_rate - told_yield) * years), 4)
    residual = np.where(line[:, kernels.USED] >= _LEAST_STRIKES, line[:, kernels.RESIDUAL], np.nan)
    return slices.with_columns(
        forward_price=pl.Series(forward),
        rate_annual=pl.Series(told_rate),
        dividend_yield_annual=pl.Series(told_yield),
        discount_factor=pl.Series(np.where(told, np.round(np.exp(-told_rate * years), 8), given)).round(8),
        strikes_used=pl.Series(np.where(told, line[:, kernels.USED], 0.0).astype(np.int32)),
        residual_usd=pl.Series(np.round(residual, 4)).fill_nan(None),
        status=pl.Series(status.tolist(), dtype=pl.String),
    )
