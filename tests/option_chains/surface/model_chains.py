"""Chains priced off known curves, so that a fit has a known answer."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl

from alluse_assets.option_chains.chains import enrich, with_terms
from alluse_assets.option_chains.pricing.european import european_value
from alluse_assets.option_chains.surface.forwards import implied_forwards
from alluse_assets.option_chains.surface.svi import Svi, total_variance

SESSION = date(2011, 3, 1)
AT = datetime(2011, 3, 1, 21, tzinfo=UTC)
RATE, YIELD, SPOT = 0.02, 0.01, 1000.0
RATES = pl.DataFrame(
    {"ts": [date(2011, 1, 3)], "tenor_days": [30], "rate_annual": [RATE], "source": ["test"]},
    schema_overrides={"tenor_days": pl.Int32},
)
YIELDS = {"IDX": YIELD, "XYZ": YIELD}
EUROPEAN = frozenset({"IDX"})
# A curve as a share's a month ahead; total variance grows with time by its level.
ORDINARY = Svi(0.002, 0.04, -0.5, 0.01, 0.08)
# Axel Vogt's example: ordinary to look at, with a free butterfly (Gatheral and Jacquier 2014, section 2).
VOGT = Svi(-0.0410, 0.1331, 0.3060, 0.3586, 0.4153)


def quotes(
    curves: dict[int, Svi],
    strikes: np.ndarray | None = None,
    half_spread: float = 0.02,
    underlying: str = "IDX",
    rate: float = RATE,
    dividend_yield: float = YIELD,
) -> pl.DataFrame:
    """Rows of option_quotes: calls and puts of every strike, an expiry for each (days, curve)."""
    parts = []
    for days, curve in curves.items():
        expiry = SESSION + timedelta(days=days)
        strike = np.arange(600.0, 1500.0, 10.0) if strikes is None else strikes
        both = np.tile(strike, 2)
        is_call = np.repeat([True, False], strike.size)
        years = years_to(days)
        k = np.log(both / (SPOT * np.exp((rate - dividend_yield) * years)))
        parameters = (curve.a, curve.b, curve.rho, curve.m, curve.sigma)
        volatility = np.sqrt(total_variance(*parameters, k) / years)
        value = european_value(SPOT, both, years, rate, dividend_yield, volatility, is_call)
        parts.append(
            pl.DataFrame(
                {
                    "strike": both,
                    "right": np.where(is_call, "C", "P"),
                    "bid": np.maximum(value - half_spread, 0.0),
                    "ask": value + half_spread,
                }
            ).with_columns(
                quote_ts=pl.lit(AT).cast(pl.Datetime("us", "UTC")),
                session=pl.lit(SESSION),
                underlying=pl.lit(underlying),
                underlying_price=pl.lit(SPOT),
                expiry=pl.lit(expiry),
                contract_symbol=pl.concat_str(
                    pl.lit(f"{underlying}{expiry:%y%m%d}"),
                    "right",
                    (pl.col("strike") * 1000).round().cast(pl.Int64).cast(pl.String).str.zfill(8),
                ),
                source=pl.lit("test"),
            )
        )
    return pl.concat(parts)


def chains(frame: pl.DataFrame) -> pl.DataFrame:
    """``frame`` as option_chains, with the forwards it implies."""
    terms = with_terms(frame, RATES, YIELDS, EUROPEAN)
    return enrich(frame, RATES, YIELDS, EUROPEAN, forwards=implied_forwards(terms))


def years_to(days: int) -> float:
    """Years of 365 days from the quotes (16:00 EST) to 16:00 on the expiry; New York skips an hour."""
    hours = 1 if SESSION + timedelta(days=days) >= date(2011, 3, 13) else 0
    return (days - hours / 24) / 365


def curve_of(row: dict[str, float]) -> Svi:
    """The curve of a row of surfaces."""
    return Svi(*(row[f"svi_{name}"] for name in ("a", "b", "rho", "m", "sigma")))


def scaled(curve: Svi, factor: float) -> Svi:
    """``curve`` with its total variance times ``factor``."""
    return Svi(curve.a * factor, curve.b * factor, curve.rho, curve.m, curve.sigma)
