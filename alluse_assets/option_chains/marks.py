"""The mark of an option: what it is worth now (protocol, section 1).

Mid of a two-sided quote; else the model's value at the volatility of the instant's surface; where that says
nothing, at the last implied volatility; never under intrinsic.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

import numpy as np
import polars as pl

from alluse_assets.base.calendar import expiry_instant
from alluse_assets.base.instruments import OptionContract
from alluse_assets.base.money import price
from alluse_assets.market_data.quote import Quote
from alluse_assets.option_chains.surface.lookup import lookup
from alluse_assets.option_chains.time_to_expiry import SECONDS_A_YEAR


@dataclass(frozen=True, slots=True)
class Mark:
    """USD per share, where it came from, and the volatility to use when the next quote is missing."""

    price: Decimal
    basis: Literal["quote", "surface", "model", "intrinsic"]
    iv: Decimal | None


@dataclass(frozen=True, slots=True)
class OnSurface:
    """What a surface says of a contract: volatility, rate and dividend yield to its expiry, per year."""

    iv: Decimal
    rate_annual: float
    dividend_yield: float


def intrinsic(contract: OptionContract, spot: Decimal) -> Decimal:
    """What exercising at ``spot`` is worth, USD per share, not below zero."""
    gain = spot - contract.strike if contract.right == "C" else contract.strike - spot
    return max(Decimal(0), gain)


def on_surface(
    contract: OptionContract, underlying: str, surfaces: pl.DataFrame, at: datetime
) -> OnSurface | None:
    """What the latest surface up to ``at`` says of ``contract``; None where it says nothing.

    Args:
        contract: an option, whether a chain has it or not.
        underlying: its ticker, which differs from the contract's root for SPXW.
        surfaces: rows of table surfaces.
        at: the instant that the mark is of; surfaces of later instants are not seen.
    """
    known = surfaces.filter(pl.col("underlying") == underlying, pl.col("quote_ts") <= at)
    latest = known.filter(pl.col("quote_ts") == pl.col("quote_ts").max())
    if latest.is_empty():
        return None
    point = latest.head(1).select(
        "quote_ts",
        "underlying",
        expiry=pl.lit(contract.expiry),
        strike=pl.lit(float(contract.strike)),
    )
    row = lookup(latest, point).row(0, named=True)
    if row["iv_annual"] is None:
        return None
    return OnSurface(Decimal(f"{row['iv_annual']:.6f}"), row["rate_annual"], row["dividend_yield_annual"])


def mark(
    contract: OptionContract,
    quote: Quote | None,
    surface: OnSurface | None,
    last_iv: Decimal | None,
    spot: Decimal,
    now: datetime,
    rate_annual: float,
    dividend_yield: float,
    european: bool,
) -> Mark:
    """The mark at ``now``.

    Args:
        contract: an option.
        quote: its quote at ``now``, if there is one.
        surface: what the surface of ``now`` says; read where the quote is not two-sided.
        last_iv: its volatility at the mark before; used where the surface says nothing.
        spot: USD per share.
        now: the time to expiry counts from here.
        rate_annual: continuously compounded, used with ``last_iv``; the surface brings its own.
        dividend_yield: the same.
        european: exercised at expiry only.
    """
    floor = price(intrinsic(contract, spot))
    if quote is not None and quote.is_two_sided:
        return Mark(max(price((quote.bid + quote.ask) / 2), floor), "quote", quote.iv or last_iv)
    years = (expiry_instant(contract.expiry) - now).total_seconds() / SECONDS_A_YEAR
    if years <= 0:
        return Mark(floor, "intrinsic", last_iv)
    if surface is not None:
        value = _value(contract, surface, spot, years, european)
        return Mark(max(value, floor), "surface", surface.iv)
    if last_iv is None:
        return Mark(floor, "intrinsic", None)
    value = _value(contract, OnSurface(last_iv, rate_annual, dividend_yield), spot, years, european)
    return Mark(max(value, floor), "model", last_iv)


def _value(
    contract: OptionContract, terms: OnSurface, spot: Decimal, years: float, european: bool
) -> Decimal:
    # Numba takes a second to import, and most marks come from quotes.
    from alluse_assets.option_chains.pricing.american import american_value
    from alluse_assets.option_chains.pricing.european import european_value

    model = (european_value if european else american_value)(
        np.array([float(spot)]),
        np.array([float(contract.strike)]),
        np.array([years]),
        np.array([terms.rate_annual]),
        np.array([terms.dividend_yield]),
        np.array([float(terms.iv)]),
        np.array([contract.right == "C"]),
    )
    return price(round(float(model[0]), 4))
