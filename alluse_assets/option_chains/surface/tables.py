"""The tables of the surface: forwards implied by parity, and a fitted curve an expiry.

Only descriptions belong here.
"""

from __future__ import annotations

import polars as pl

from alluse_assets.base.table_catalog import Column, Table
from alluse_assets.option_chains.tables import UTC_MICROSECONDS

FORWARD_STATUSES = ("ok", "forward_only", "american", "too_few_strikes", "inconsistent", "zero_time")
FIT_STATUSES = ("svi", "ssvi", "neighbour", "flat", "no_points")

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
        "costs is in it, and so is a spot that is not of the quotes' instant.",
        "per year",
        low=-1,
        high=1,
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
        _parameter("svi_a", "Level of total variance.", -10, 100),
        _parameter("svi_b", "Steepness of the wings.", 0, 2),
        _parameter("svi_rho", "Tilt: negative where low strikes are dearer.", -1, 1),
        _parameter("svi_m", "Log-moneyness of the bend.", -100, 100),
        _parameter("svi_sigma", "Roundness of the bend.", 0, 100),
        Column("points_used", pl.Int32, "Out-of-the-money quotes that counted.", "quotes", low=0),
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
            "and far out on the wings.",
            "",
            True,
        ),
        Column(
            "calendar_free",
            pl.Boolean,
            "Total variance is nowhere above the next expiry's on the same grid.",
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
