"""Chains to surfaces: one SVI curve an expiry from the out-of-the-money quotes, with a report of the fit.

Pure: a chain's curves depend on that chain alone. What goes into the search is rounded, so that it ends at
the same parameters on every processor; parameters are rounded as they are stored, and the report is made
of those. The compiled search is in ``fit_kernels``, the tables' words in ``tables``.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import polars as pl

from alluse_assets.base.errors import DataError
from alluse_assets.option_chains.surface import fit_kernels as kernels
from alluse_assets.option_chains.surface.roots import SLICE, of_the_expiry_s_root, slices_of
from alluse_assets.option_chains.surface.tables import FIT_STATUSES, SURFACES

_CHAIN = ["quote_ts", "underlying"]
_SHARED = (
    "session",
    "years_to_expiry",
    "underlying_price",
    "forward_price",
    "rate_annual",
    "dividend_yield_annual",
    "source",
)
_NEEDED = (
    "quote_ts",
    "session",
    "underlying",
    "underlying_price",
    "contract_symbol",
    "expiry",
    "right",
    "strike",
    "bid",
    "ask",
    "years_to_expiry",
    "rate_annual",
    "dividend_yield_annual",
    "exercise_style",
    "iv_annual",
    "vega_per_point",
    "source",
)
# In volatility: half a spread below the first is no better told than by this; one above the second
# tells nothing.
_LEAST_TOLERANCE = 0.001
_LARGEST_TOLERANCE = 0.5
# What a curve of five parameters is not expected to meet better, however tight the quotes are.
_MODEL_TOLERANCE = 0.002
_CHAINS_A_PART = 8


def fit_surfaces(chains: pl.DataFrame, threads: int = 1) -> pl.DataFrame:
    """Rows of table surfaces, by its key: one for each expiry of each chain.

    Args:
        chains: rows of table option_chains, in any order.
        threads: how many threads share the chains; the result does not depend on it.

    Raises:
        DataError: a column is missing.
    """
    missing = [name for name in _NEEDED if name not in chains.columns]
    if missing:
        raise DataError(f"surfaces: the chains lack {', '.join(missing)}; pass rows of option_chains")
    if chains.is_empty():
        return SURFACES.empty()
    quoted = with_forward(of_the_expiry_s_root(chains.select(_NEEDED)))
    slices = slices_of(quoted, _SHARED)
    points = _points(quoted)
    strikes = points.group_by(SLICE).agg(pl.len(), lowest_k=pl.col("k").min(), highest_k=pl.col("k").max())
    slices = slices.join(strikes, on=SLICE, how="left", maintain_order="left")
    slice_edges = np.concatenate([[0], slices["len"].fill_null(0).cast(pl.Int64).cum_sum().to_numpy()])
    per_chain = slices.group_by(_CHAIN, maintain_order=True).len()["len"].cast(pl.Int64)
    chain_edges = np.concatenate([[0], per_chain.cum_sum().to_numpy()])
    columns = kernels.Points(*(points[name].to_numpy().copy() for name in ("k", "w", "weight")))
    tolerance = points["tolerance"].to_numpy().copy()
    years = slices["years_to_expiry"].to_numpy().copy()
    out = np.zeros((slices.height, kernels.COLUMNS))

    def work(first: int) -> None:
        last = min(first + _CHAINS_A_PART, per_chain.len())
        kernels.fit_chains(chain_edges, slice_edges, years, columns, tolerance, first, last, out)

    starts = range(0, per_chain.len(), _CHAINS_A_PART)
    if threads <= 1 or len(starts) == 1:
        for start in starts:
            work(start)
    else:
        with ThreadPoolExecutor(threads, thread_name_prefix="surface") as pool:
            list(pool.map(work, starts))
    return _table(slices, out)


def with_forward(chains: pl.DataFrame) -> pl.DataFrame:
    """``chains`` with ``forward_price``, from spot, rate, yield and time, to a hundredth of a cent."""
    carry = (pl.col("rate_annual") - pl.col("dividend_yield_annual")) * pl.col("years_to_expiry")
    return chains.with_columns(forward_price=(pl.col("underlying_price") * carry.exp()).round(4))


def _points(chains: pl.DataFrame) -> pl.DataFrame:
    """Out-of-the-money quotes with a volatility: k, w, weight and tolerance, by chain, expiry and strike."""
    out_of_the_money = (pl.col("right") == "P") == (pl.col("strike") < pl.col("forward_price"))
    usable = (
        out_of_the_money
        & pl.col("iv_annual").is_not_null()
        & (pl.col("vega_per_point") > 0)
        & (pl.col("years_to_expiry") > 0)
    )
    half_spread = (pl.col("ask") - pl.col("bid")) / (200.0 * pl.col("vega_per_point"))
    deviation = pl.col("iv_annual") * pl.col("years_to_expiry")
    return (
        chains.filter(usable)
        .sort(*SLICE, "strike", "contract_symbol")
        .unique([*SLICE, "strike"], keep="first", maintain_order=True)
        .with_columns(half_spread=half_spread.clip(_LEAST_TOLERANCE))
        .filter(pl.col("half_spread") <= _LARGEST_TOLERANCE)
        .select(
            *SLICE,
            k=(pl.col("strike") / pl.col("forward_price")).log().round(8),
            w=pl.col("iv_annual") * deviation,
            # A volatility's error is one of total variance times 2 sigma t.
            tolerance=2.0 * deviation * pl.col("half_spread"),
            weight=1.0
            / (
                4.0
                * deviation
                * deviation
                * (pl.col("half_spread") * pl.col("half_spread") + _MODEL_TOLERANCE**2)
            ),
        )
    )


def _table(slices: pl.DataFrame, out: kernels.Floats) -> pl.DataFrame:
    fitted = pl.Series(out[:, kernels.STATUS] != kernels.NO_POINTS)

    def column(index: int, decimals: int) -> pl.Expr:
        return pl.when(fitted).then(pl.Series(out[:, index].copy()).round(decimals))

    def flag(index: int) -> pl.Expr:
        return pl.when(fitted).then(pl.Series(out[:, index] == 1.0))

    names = pl.Series([FIT_STATUSES[int(code)] for code in out[:, kernels.STATUS]], dtype=pl.String)
    return SURFACES.conform(
        slices.with_columns(
            svi_a=column(kernels.A, 12),
            svi_b=column(kernels.B, 12),
            svi_rho=column(kernels.RHO, 8),
            svi_m=column(kernels.M, 8),
            svi_sigma=column(kernels.SIGMA, 8),
            points_used=pl.Series(out[:, kernels.POINTS].astype(np.int32)),
            rmse_points=column(kernels.RMSE, 4),
            max_error_points=column(kernels.LARGEST, 4),
            inside_spread_share=column(kernels.INSIDE, 4),
            butterfly_free=flag(kernels.BUTTERFLY),
            calendar_free=flag(kernels.CALENDAR),
            fit_status=names,
        )
    )
