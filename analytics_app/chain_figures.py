"""A chain and its surface in figures: pure, rows of tables in and tables out. No reading, no widgets.

Volatilities are annual shares (0.25), as in the tables; what is drawn of them belongs to ``surface_charts``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import polars as pl

from alluse_assets.base.instruments import root_in
from alluse_assets.option_chains.surface.lookup import lookup
from alluse_assets.option_chains.surface.roots import of_the_expiry_s_root

IV_STATUS_TEXT: Mapping[str, str] = {
    "ok": "with a volatility",
    "no_quote": "nobody bids",
    "zero_time": "no time is left",
    "below_intrinsic": "the mid is below what exercising pays",
    "above_bound": "the mid is above what any volatility gives",
    "no_vega": "the price hardly depends on volatility",
    "bad_input": "a price, rate or date cannot be",
    "not_converged": "the search found none",
}
FIT_STATUS_TEXT: Mapping[str, str] = {
    "svi": "SVI",
    "ssvi": "SSVI, three parameters",
    "neighbour": "next expiry's curve, scaled",
    "flat": "one volatility",
    "no_points": "nothing to fit",
}
SIDE_COLUMNS = ("bid", "ask", "iv_annual", "delta", "volume", "open_interest")
"""What the ladder shows of a call and of a put."""
# Close enough together that a curve looks round at any width of the page.
_POINTS_OF_A_CURVE = 61


def is_model_priced(rows: pl.DataFrame) -> bool:
    """Whether a model made any of the rows: such sources say so in their name."""
    return bool(rows["source"].str.contains("model").any())


def without_volatility(chain: pl.DataFrame) -> list[tuple[str, int]]:
    """Why contracts have no implied volatility, and how many each; the commonest first."""
    counts = chain.filter(pl.col("iv_status") != "ok").group_by("iv_status").len()
    return [
        (IV_STATUS_TEXT[status], number)
        for status, number in counts.sort("len", "iv_status", descending=[True, False]).rows()
    ]


def expiries_with_time(chain: pl.DataFrame) -> list[date]:
    """The expiries after the quotes' instant, in order."""
    return chain.filter(pl.col("years_to_expiry") > 0)["expiry"].unique().sort().to_list()


def quoted_smile(chain: pl.DataFrame, surface: pl.DataFrame, expiries: Sequence[date]) -> pl.DataFrame:
    """The implied volatilities of the quotes out of the money, of which curves are made.

    Args:
        chain: rows of ``OPTION_CHAINS`` of one instant.
        surface: rows of ``SURFACES`` of the same; a forward that it lacks follows from rate and yield.
        expiries: of these only.

    Returns:
        ``expiry``, ``right``, ``strike``, ``log_moneyness`` (ln(strike / forward)), ``iv_annual``; by expiry
        and strike. Puts are below the forward, calls from it on. Where two roots expire on a day, of that
        which the surface speaks for.
    """
    carry = (pl.col("rate_annual") - pl.col("dividend_yield_annual")) * pl.col("years_to_expiry")
    forwards = surface.select("expiry", "forward_price")
    return (
        of_the_expiry_s_root(chain.filter(pl.col("expiry").is_in(list(expiries))))
        .filter(pl.col("iv_status") == "ok")
        .join(forwards, on="expiry", how="left")
        .with_columns(forward=pl.coalesce("forward_price", pl.col("underlying_price") * carry.exp()))
        .filter(
            pl.col("right")
            == pl.when(pl.col("strike") < pl.col("forward")).then(pl.lit("P")).otherwise(pl.lit("C"))
        )
        .with_columns(log_moneyness=(pl.col("strike") / pl.col("forward")).log())
        .select("expiry", "right", "strike", "log_moneyness", "iv_annual")
        .sort("expiry", "strike")
    )


def fitted_smile(surface: pl.DataFrame, expiries: Sequence[date]) -> pl.DataFrame:
    """The fitted curves between the lowest and the highest strike that they were made of.

    Returns:
        ``expiry``, ``strike``, ``log_moneyness``, ``iv_annual``; by expiry and strike. An expiry without a
        curve has no rows.
    """
    fitted = surface.filter(
        pl.col("expiry").is_in(list(expiries)),
        pl.col("svi_a").is_not_null(),
        pl.col("lowest_k").is_not_null(),
    )
    steps = pl.DataFrame({"step": np.linspace(0.0, 1.0, _POINTS_OF_A_CURVE)})
    width = pl.col("highest_k") - pl.col("lowest_k")
    points = (
        fitted.join(steps, how="cross")
        .with_columns(log_moneyness=pl.col("lowest_k") + pl.col("step") * width)
        .with_columns(strike=pl.col("forward_price") * pl.col("log_moneyness").exp())
    )
    told = lookup(surface, points)
    return (
        points.select("expiry", "strike", "log_moneyness")
        .with_columns(told["iv_annual"])
        .drop_nulls("iv_annual")
        .sort("expiry", "strike")
    )


def term_structure(surface: pl.DataFrame) -> pl.DataFrame:
    """Volatility at the forward of the expiries that have a curve: ``expiry``, ``days_left``, ``iv_annual``.

    ``days_left`` are calendar days with their fraction, above zero.
    """
    fitted = surface.filter(pl.col("svi_a").is_not_null(), pl.col("years_to_expiry") > 0)
    at_the_money = fitted.with_columns(strike=pl.col("forward_price"))
    return (
        at_the_money.select("expiry", days_left=pl.col("years_to_expiry") * 365)
        .with_columns(lookup(surface, at_the_money)["iv_annual"])
        .drop_nulls("iv_annual")
        .sort("expiry")
    )


def fit_rows(surface: pl.DataFrame) -> pl.DataFrame:
    """How each expiry was fitted and how well, in words where the table has a code or a truth."""
    return surface.sort("expiry").select(
        "expiry",
        _dte_days(),
        pl.col("fit_status").replace(FIT_STATUS_TEXT),
        "points_used",
        "rmse_points",
        "max_error_points",
        "inside_spread_share",
        *(
            pl.when(name).then(pl.lit("yes")).when(pl.col(name).not_()).then(pl.lit("no")).alias(name)
            for name in ("butterfly_free", "calendar_free")
        ),
        "forward_price",
    )


def strike_ladder(chain: pl.DataFrame, expiry: date) -> pl.DataFrame:
    """Calls and puts of ``expiry`` beside each other, a row a strike of each root.

    SPX and SPXW expire on the same Fridays and settle at different hours: they are never one row.

    Returns:
        ``call_bid`` and so on, ``strike``, ``root`` where there is more than one, ``put_bid`` and so on
        (``SIDE_COLUMNS``), without the columns of which the chain has no value at all.
    """
    own = chain.filter(pl.col("expiry") == expiry).with_columns(root=root_in(pl.col("contract_symbol")))
    roots = ["root"] if own["root"].n_unique() > 1 else []
    given = [name for name in SIDE_COLUMNS if own[name].null_count() < own.height]
    calls, puts = (
        own.filter(pl.col("right") == right).select(
            "strike", "root", *(pl.col(name).alias(f"{side}_{name}") for name in given)
        )
        for right, side in (("C", "call"), ("P", "put"))
    )
    return (
        calls.join(puts, on=["strike", "root"], how="full", coalesce=True)
        .sort("strike", "root")
        .select(*(f"call_{name}" for name in given), "strike", *roots, *(f"put_{name}" for name in given))
    )


def mean_premiums(snapshots: pl.DataFrame) -> pl.DataFrame:
    """The mean over contracts of half of bid plus ask at each snapshot: ``quote_ts``, ``right``, ``premium``.

    Contracts that somebody bids for in every snapshot only: which are quoted must not move the mean.
    """
    bid_for = snapshots.filter(pl.col("bid") > 0)
    looks = snapshots["quote_ts"].n_unique()
    always = bid_for.filter(pl.len().over("contract_symbol") == looks)
    return (
        always.group_by("quote_ts", "right")
        .agg(premium=((pl.col("bid") + pl.col("ask")) / 2).mean(), contracts=pl.len())
        .sort("quote_ts", "right")
    )


def _dte_days() -> pl.Expr:
    return (pl.col("expiry") - pl.col("session")).dt.total_days().alias("dte_days")
