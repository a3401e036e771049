"""Quotes to chains: time to expiry, mid, rate, implied volatility and Greeks for every quote.

Pure and row by row: what a row gets depends on that quote, the rates, the forwards and the settings, never
on which other rows are there or in what order. Results are rounded, because the last bits of exp and log
differ between processors and what follows is decided on them. Cleaning belongs to ``quotes``, marks to
``marks``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import polars as pl

from alluse_assets.base.errors import DataError
from alluse_assets.option_chains.pricing.chain import implied_volatility_and_greeks
from alluse_assets.option_chains.pricing.implied_volatility import STATUS_NAMES
from alluse_assets.option_chains.rate_curve import with_rates
from alluse_assets.option_chains.surface.forwards import with_implied
from alluse_assets.option_chains.tables import OPTION_CHAINS, OPTION_QUOTES
from alluse_assets.option_chains.time_to_expiry import years_left

# Gamma of an index option is a thousandth and less: it needs more places than the others.
_DECIMALS = 6
_GAMMA_DECIMALS = 8


def enrich(
    quotes: pl.DataFrame,
    rates: pl.DataFrame,
    dividend_yields: Mapping[str, float],
    european_underlyings: frozenset[str],
    threads: int = 1,
    forwards: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """The rows of ``quotes`` (table option_quotes), in their order, as table option_chains.

    Args:
        quotes: option quotes, cleaned.
        rates: table rates; each session uses the latest day on or before it, on a straight line between
            its tenors.
        dividend_yields: continuously compounded yield per year of every underlying in ``quotes``.
        european_underlyings: underlyings whose options are exercised at expiry only (SPX); others are
            American.
        threads: how many threads share the work; the result does not depend on it.
        forwards: table implied_forwards; where it has a forward from the quotes, rate and yield are its.

    Raises:
        DataError: a column is missing, or an underlying has no dividend yield.
        MissingDataError: no rate on or before a session.
    """
    terms = with_terms(quotes, rates, dividend_yields, european_underlyings)
    return priced_terms(terms, forwards, threads)


def priced_terms(terms: pl.DataFrame, forwards: pl.DataFrame | None = None, threads: int = 1) -> pl.DataFrame:
    """What ``with_terms`` gave, in its order, as table option_chains; see ``enrich``."""
    if forwards is not None:
        terms = with_implied(terms, forwards)
    return OPTION_CHAINS.conform(with_model_columns(terms.with_columns(mid=mid_price()), threads))


def mid_price() -> pl.Expr:
    """The middle of ``bid`` and ``ask``; null unless somebody bids and nobody asks less."""
    two_sided = (pl.col("bid") > 0) & (pl.col("ask") >= pl.col("bid"))
    return pl.when(two_sided).then(((pl.col("bid") + pl.col("ask")) / 2).round(_DECIMALS))


def with_terms(
    quotes: pl.DataFrame,
    rates: pl.DataFrame,
    dividend_yields: Mapping[str, float],
    european_underlyings: frozenset[str],
    settled_at_open: Collection[str] = (),
) -> pl.DataFrame:
    """``quotes``, in their order, with time to expiry, rate, dividend yield and style; see ``enrich``.

    ``settled_at_open``: roots of index options whose time ends at 9:30 of their expiry (SPX).
    """
    frame = OPTION_QUOTES.conform(quotes)
    _require_dividend_yields(frame, dividend_yields)
    frame = frame.with_columns(
        dte_days=(pl.col("expiry") - pl.col("session")).dt.total_days().cast(pl.Int32),
        years_to_expiry=years_left(settled_at_open),
        dividend_yield_annual=pl.col("underlying").replace_strict(
            dict(dividend_yields), return_dtype=pl.Float64
        ),
        exercise_style=pl.when(pl.col("underlying").is_in(sorted(european_underlyings)))
        .then(pl.lit("european"))
        .otherwise(pl.lit("american")),
    )
    return with_rates(frame, rates)


def _require_dividend_yields(frame: pl.DataFrame, dividend_yields: Mapping[str, float]) -> None:
    unknown = sorted(set(frame["underlying"].unique()) - set(dividend_yields))
    if unknown:
        raise DataError(
            f"no dividend yield for {', '.join(unknown)}: give one (0 if none is paid) for each "
            "underlying that has option quotes"
        )


def with_model_columns(frame: pl.DataFrame, threads: int = 1) -> pl.DataFrame:
    """``frame`` with implied volatility, its status and the Greeks; null where there is no volatility.

    Its columns ``underlying_price``, ``strike``, ``years_to_expiry``, ``rate_annual``, ``right``,
    ``dividend_yield_annual``, ``exercise_style`` and ``mid`` are read; a null number is a missing one.
    """
    option = {
        "spot": frame["underlying_price"].to_numpy(),
        "strike": frame["strike"].to_numpy(),
        "years": frame["years_to_expiry"].to_numpy(),
        "rate": frame["rate_annual"].to_numpy(),
        "dividend_yield": frame["dividend_yield_annual"].to_numpy(),
        "is_call": frame["right"].eq_missing("C").to_numpy(),
        "is_american": frame["exercise_style"].eq_missing("american").to_numpy(),
    }
    # Greeks come from the volatility as it is stored, so that anybody can make them again from the row.
    implied, sensitivities = implied_volatility_and_greeks(
        frame["mid"].to_numpy(), **option, decimals=_DECIMALS, threads=threads
    )
    return frame.with_columns(
        iv_annual=pl.Series(implied.volatility).fill_nan(None),
        iv_status=pl.Series(implied.status).replace_strict(
            list(range(len(STATUS_NAMES))), list(STATUS_NAMES), return_dtype=pl.String
        ),
        delta=pl.Series(sensitivities.delta).round(_DECIMALS).fill_nan(None),
        gamma=pl.Series(sensitivities.gamma).round(_GAMMA_DECIMALS).fill_nan(None),
        theta_per_day=pl.Series(sensitivities.theta_per_day).round(_DECIMALS).fill_nan(None),
        vega_per_point=pl.Series(sensitivities.vega_per_point).round(_DECIMALS).fill_nan(None),
        rho_per_point=pl.Series(sensitivities.rho_per_point).round(_DECIMALS).fill_nan(None),
    )
