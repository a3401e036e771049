"""The tables of the surface: implied forwards, a fitted curve an expiry, values of what has no quote.

Only descriptions belong here.
"""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from alluse_assets.base.table_catalog import Column, Table
from alluse_assets.option_chains.tables import LARGEST_YIELD, OPTION_CHAINS, UTC_MICROSECONDS

FORWARD_STATUSES = ("ok", "forward_only", "american", "too_few_strikes", "inconsistent", "zero_time")
FIT_STATUSES = ("svi", "ssvi", "neighbour", "flat", "no_points")
LOOKUP_STATUSES = (
    "ok",
    "between_expiries",
    "before_first",
    "beyond_last",
    "no_surface",
    "zero_time",
    "bad_strike",
    "expiries_cross",
)

_SLICE_COLUMNS = (
    Column("quote_ts", UTC_MICROSECONDS, "Instant at which the chain was looked at.", "UTC"),
    Column("session", pl.Date, "Trading session of the quotes: its New York date.", "date"),
    Column("underlying", pl.String, "Ticker of the share or index the options are on."),
    Column("expiry", pl.Date, "Last trading day of the contracts.", "date"),
    Column(
        "years_to_expiry",
        pl.Float64,
        "Time from the quote to 16:00 New York on the expiry date; 0 at or after it.",
        "years of 365 days",
        low=0,
        high=11,
    ),
    Column(
        "underlying_price",
        pl.Float64,
        "Price of the underlying at the instant of the quotes.",
        "USD per share",
        low=0.0001,
        high=1e7,
    ),
    Column(
        "forward_price",
        pl.Float64,
        "Price agreed today for the underlying on the expiry date.",
        "USD per share",
        low=0.0001,
        high=1e7,
    ),
    Column(
        "rate_annual",
        pl.Float64,
        "Risk-free rate to the expiry, continuously compounded.",
        "per year",
        low=-0.05,
        high=0.5,
    ),
    Column(
        "dividend_yield_annual",
        pl.Float64,
        "Yield at which spot and rate give the forward, continuously compounded. What borrowing the share "
        "costs is in it, and so is a spot that is not of the quotes' instant: near the expiry, where cents "
        "of forward are a large yield, it can be hundreds.",
        "per year",
        low=-LARGEST_YIELD,
        high=LARGEST_YIELD,
    ),
)

IMPLIED_FORWARDS = Table(
    name="implied_forwards",
    description=(
        "What calls and puts of one strike say of the forward and the rate (put-call parity). Where the "
        "quotes do not allow it the configured rate and yield are used, and status says why."
    ),
    grain="one underlying, one expiry at one instant",
    layer="core",
    key=("quote_ts", "underlying", "expiry"),
    columns=(
        *_SLICE_COLUMNS,
        Column(
            "discount_factor",
            pl.Float64,
            "What 1 USD on the expiry date is worth today.",
            "USD",
            low=0.001,
            high=1.7,
        ),
        Column("strikes_used", pl.Int32, "Strikes with a call and a put that counted.", "strikes", low=0),
        Column(
            "residual_usd",
            pl.Float64,
            "How far the pairs' mids lie from one line, root mean square.",
            "USD per share",
            True,
            low=0,
        ),
        Column(
            "status",
            pl.String,
            "ok: forward and rate from the quotes; forward_only: the rate is the configured one; else why "
            "both are.",
            allowed=FORWARD_STATUSES,
        ),
    ),
)


def _parameter(name: str, description: str, low: float | None, high: float | None) -> Column:
    return Column(name, pl.Float64, description, "", True, low=low, high=high)


SURFACES = Table(
    name="surfaces",
    description=(
        "The volatility surface: for each expiry an SVI curve of total variance over log-moneyness, "
        "w(k) = a + b (rho (k - m) + sqrt((k - m)^2 + sigma^2)) with k = ln(strike / forward), and how well "
        "it fits the quotes."
    ),
    grain="one underlying, one expiry at one instant",
    layer="core",
    key=("quote_ts", "underlying", "expiry"),
    columns=(
        *_SLICE_COLUMNS,
        _parameter("svi_a", "Level of total variance.", -200, 100),
        _parameter("svi_b", "Steepness of the wings.", 0, 2),
        _parameter("svi_rho", "Tilt: negative where low strikes are dearer.", -1, 1),
        _parameter("svi_m", "Log-moneyness of the bend.", -100, 100),
        _parameter("svi_sigma", "Roundness of the bend.", 0, 100),
        Column("points_used", pl.Int32, "Out-of-the-money quotes that counted.", "quotes", low=0),
        Column("lowest_k", pl.Float64, "Log-moneyness of the lowest strike that counted.", "", True),
        Column("highest_k", pl.Float64, "Log-moneyness of the highest strike that counted.", "", True),
        Column(
            "rmse_points",
            pl.Float64,
            "Distance of the curve from the quotes' implied volatilities, root mean square, tight quotes "
            "counting more.",
            "points of volatility (0.01)",
            True,
            low=0,
        ),
        Column(
            "max_error_points",
            pl.Float64,
            "Largest distance of the curve from a quote's implied volatility.",
            "points of volatility (0.01)",
            True,
            low=0,
        ),
        Column(
            "inside_spread_share",
            pl.Float64,
            "Share of the quotes whose bid and ask have the curve between them, the spread turned into "
            "volatility by vega.",
            "share",
            True,
            low=0,
            high=1,
        ),
        Column(
            "butterfly_free",
            pl.Boolean,
            "No butterfly of the curve's values is free: on a grid a quarter wider than the quotes each way, "
            "and far out on the wings. It then holds of what a lookup says at the expiry, too.",
            "",
            True,
        ),
        Column(
            "calendar_free",
            pl.Boolean,
            "The curve's total variance is nowhere above the next expiry's curve on the same grid. Of what a "
            "lookup says it holds within the strikes quoted at both expiries; beyond, where it leaves the "
            "curves, its lines may cross, and between the expiries it then says expiries_cross.",
            "",
            True,
        ),
        Column(
            "fit_status",
            pl.String,
            "svi; ssvi: three parameters, as quotes are few or SVI would leave a free butterfly; neighbour: "
            "the next expiry's curve, scaled; flat: one volatility; no_points: nothing to fit.",
            allowed=FIT_STATUSES,
        ),
        Column("source", pl.String, "Where the quotes came from."),
    ),
)


UNQUOTED = ("no_bid", "refused")


def _of_chains(*names: str, nullable: bool = False) -> tuple[Column, ...]:
    found = {column.name: column for column in OPTION_CHAINS.columns}
    return tuple(replace(found[name], nullable=nullable or found[name].nullable) for name in names)


MODEL_VALUES = Table(
    name="model_values",
    description=(
        "What contracts without a usable quote are worth on the volatility surface. Not quotes: they have "
        "neither bid nor ask, and nothing is ever traded at them."
    ),
    grain="one contract without a two-sided quote at one instant",
    layer="core",
    key=("quote_ts", "contract_symbol"),
    columns=(
        *_of_chains("quote_ts", "session", "underlying", "contract_symbol", "expiry", "right", "strike"),
        *_of_chains("underlying_price", "rate_annual", "dividend_yield_annual", nullable=True),
        *_of_chains("years_to_expiry", "exercise_style"),
        Column(
            "why",
            pl.String,
            "no_bid: it is in option_chains, and nobody bids; refused: its quote is in quarantine.",
            allowed=UNQUOTED,
        ),
        Column(
            "surface_iv_annual",
            pl.Float64,
            "Volatility of the surface at the strike and expiry. Null where the surface says none.",
            "per year",
            True,
            low=0,
        ),
        Column(
            "surface_status",
            pl.String,
            "ok: the expiry's own curve; between_expiries, before_first and beyond_last: made from the "
            "neighbours'; else why there is no volatility.",
            allowed=LOOKUP_STATUSES,
        ),
        Column(
            "beyond_strikes",
            pl.Boolean,
            "The strike is outside of those that the curve was made of.",
            "",
            True,
        ),
        Column(
            "model_value",
            pl.Float64,
            "Value at that volatility, at the expiry what exercising pays; null where there is none.",
            "USD per share",
            True,
            low=0,
            high=1e6,
        ),
        *_of_chains("delta", "gamma", "theta_per_day", "vega_per_point", "rho_per_point"),
        *_of_chains("source"),
    ),
)
