"""The mark of an option: what it is worth now (protocol, section 1).

Mid of a two-sided quote; else the model's value at the last implied volatility; never under intrinsic.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

import numpy as np

from alluse_assets.base.calendar import expiry_instant
from alluse_assets.base.instruments import OptionContract
from alluse_assets.base.money import price
from alluse_assets.market_data.quote import Quote

SECONDS_A_YEAR = 365 * 86_400


@dataclass(frozen=True, slots=True)
class Mark:
    """USD per share, where it came from, and the volatility to use when the next quote is missing."""

    price: Decimal
    basis: Literal["quote", "model", "intrinsic"]
    iv: Decimal | None


def intrinsic(contract: OptionContract, spot: Decimal) -> Decimal:
    """What exercising at ``spot`` is worth, USD per share, not below zero."""
    gain = spot - contract.strike if contract.right == "C" else contract.strike - spot
    return max(Decimal(0), gain)


def mark(
    contract: OptionContract,
    quote: Quote | None,
    last_iv: Decimal | None,
    spot: Decimal,
    now: datetime,
    rate_annual: float,
    dividend_yield: float,
    european: bool,
) -> Mark:
    """The mark at ``now``. Without a quote and without a last volatility it is the intrinsic value."""
    floor = price(intrinsic(contract, spot))
    if quote is not None and quote.is_two_sided:
        return Mark(max(price((quote.bid + quote.ask) / 2), floor), "quote", quote.iv or last_iv)
    years = (expiry_instant(contract.expiry) - now).total_seconds() / SECONDS_A_YEAR
    if last_iv is None or years <= 0:
        return Mark(floor, "intrinsic", last_iv)
    # Numba takes a second to import, and most marks come from quotes.
    from alluse_assets.option_chains.pricing.american import american_value
    from alluse_assets.option_chains.pricing.european import european_value

    value = european_value if european else american_value
    model = value(
        np.array([float(spot)]),
        np.array([float(contract.strike)]),
        np.array([years]),
        np.array([rate_annual]),
        np.array([dividend_yield]),
        np.array([float(last_iv)]),
        np.array([contract.right == "C"]),
    )
    return Mark(max(price(round(float(model[0]), 4)), floor), "model", last_iv)
