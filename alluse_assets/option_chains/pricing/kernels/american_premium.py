"""What early exercise adds to a European option: Kim's integral along the boundary.

Where the spot is below the boundary the holder of a put earns interest on the strike and gives up the share's
dividends; the premium is what that is expected to bring until expiry.

Source: Kim, The analytic valuation of American options, 1990; Carr, Jarrow and Myneni, Alternative
characterizations of American put options, 1992.
"""

from __future__ import annotations

import math

from alluse_assets.option_chains.pricing.kernels.american_block import (
    DEVIATION,
    INVERSE,
    LANES,
    LOGARITHM,
    MONEYNESS,
    RATE,
    TOP,
    YIELD,
    Put,
    bell_and_cdf,
    copied,
    interpolated,
)
from alluse_assets.option_chains.pricing.kernels.american_boundary import boundary
from alluse_assets.option_chains.pricing.kernels.american_nodes import (
    NODES,
    PREMIUM_INTERPOLATION,
    PREMIUM_POINTS,
    PREMIUM_SHARES,
    PREMIUM_WEIGHTS,
)
from alluse_assets.option_chains.pricing.kernels.compilation import compiled, inlined
from alluse_assets.option_chains.pricing.kernels.elementary import exponential
from alluse_assets.option_chains.pricing.kernels.options import Floats

_DENSITY = 0.3989422804014327
_COMING_IN = 1e-3


@compiled
def work_out(block: Floats, work: Floats, count: int) -> None:
    """Boundary, premium and European value of the first ``count`` lanes; the others repeat the first one."""
    for lane in range(count, LANES):
        copied(block, 0, lane)
    boundary(block, work)
    premium(block, work)
    european_put(block, work)


@compiled
def premium(block: Floats, work: Floats) -> None:
    """The premium over the strike of all lanes, into the first column of ``work``."""
    for a in range(LANES):
        work[a] = 0.0
    for k in range(PREMIUM_POINTS):
        share, weight = PREMIUM_SHARES[k], PREMIUM_WEIGHTS[k]
        first, time, unroot = k * NODES, share * share, 1.0 / share
        for a in range(LANES):
            deviation = block[DEVIATION + a] * share
            rate, dividends, moneyness = block[RATE + a], block[YIELD + a], block[MONEYNESS + a]
            above = (
                moneyness - block[TOP + a] + math.sqrt(interpolated(block, PREMIUM_INTERPOLATION, first, a))
            )
            d1 = (above + (rate - dividends) * time) * (block[INVERSE + a] * unroot) + 0.5 * deviation
            _, share_tail = bell_and_cdf(-d1)
            _, cash_tail = bell_and_cdf(deviation - d1)
            earned = rate * exponential(-rate * time) * cash_tail
            lost = dividends * exponential(moneyness - dividends * time) * share_tail
            work[a] += weight * (earned - lost)


@compiled
def premium_and_slopes(block: Floats, work: Floats) -> None:
    """``premium``, and behind it its first and second derivative by the moneyness."""
    for a in range(3 * LANES):
        work[a] = 0.0
    for k in range(PREMIUM_POINTS):
        share, weight = PREMIUM_SHARES[k], PREMIUM_WEIGHTS[k]
        first, time, unroot = k * NODES, share * share, 1.0 / share
        for a in range(LANES):
            deviation = block[DEVIATION + a] * share
            rate, dividends, moneyness = block[RATE + a], block[YIELD + a], block[MONEYNESS + a]
            above = (
                moneyness - block[TOP + a] + math.sqrt(interpolated(block, PREMIUM_INTERPOLATION, first, a))
            )
            inverse = block[INVERSE + a] * unroot
            d1 = (above + (rate - dividends) * time) * inverse + 0.5 * deviation
            d2 = d1 - deviation
            bell1, share_tail = bell_and_cdf(-d1)
            bell2, cash_tail = bell_and_cdf(-d2)
            interest = rate * exponential(-rate * time)
            dividend = dividends * exponential(moneyness - dividends * time)
            lost = dividend * share_tail
            density1 = dividend * _DENSITY * bell1 * inverse
            density2 = interest * _DENSITY * bell2 * inverse
            work[a] += weight * (interest * cash_tail - lost)
            work[LANES + a] += weight * (density1 - density2 - lost)
            work[2 * LANES + a] += weight * (
                density2 * d2 * inverse + 2.0 * density1 - density1 * d1 * inverse - lost
            )


@compiled
def european_put(block: Floats, work: Floats) -> None:
    """The European puts over the strike, into the last column of ``work``."""
    for a in range(LANES):
        deviation, rate, dividends = block[DEVIATION + a], block[RATE + a], block[YIELD + a]
        moneyness = block[MONEYNESS + a]
        d1 = (moneyness + rate - dividends) / deviation + 0.5 * deviation
        _, share_tail = bell_and_cdf(-d1)
        _, cash_tail = bell_and_cdf(deviation - d1)
        cash = exponential(-rate) * cash_tail
        work[5 * LANES + a] = max(cash - exponential(moneyness - dividends) * share_tail, 0.0)


@inlined
def _above_exercise(block: Floats, lane: int) -> float:
    """How far the spot is above the boundary, in units of the stretch on which the time value comes in."""
    above: float = (block[MONEYNESS + lane] - block[LOGARITHM + lane]) / (
        _COMING_IN * block[DEVIATION + lane]
    )
    return above


@inlined
def value_at(block: Floats, work: Floats, lane: int, put: Put) -> float:
    """American value in USD from premium and European value; never below exercise nor below European.

    Where exercise begins, the time value comes in over a thousandth of the deviation: a boundary that is a
    little off would let the value jump there, and the search for a volatility with it.
    """
    intrinsic = put.strike - put.spot
    kept: float = put.strike * (work[5 * LANES + lane] + max(work[lane], 0.0))
    above = _above_exercise(block, lane)
    if above >= 1.0:
        return max(kept, intrinsic)
    t = max(above, 0.0)
    return intrinsic + max(kept - intrinsic, 0.0) * (t * t * (3.0 - 2.0 * t))


@inlined
def is_coming_in(block: Floats, lane: int) -> bool:
    """Whether the value is exercise, or on its way from there to what keeping the option is worth.

    How steeply it comes in follows from how far the boundary is off: no price there has a vega.
    """
    return bool(_above_exercise(block, lane) < 1.0)


@inlined
def is_exercised(block: Floats, lane: int) -> bool:
    """Whether the spot is at or below the boundary now."""
    return bool(block[MONEYNESS + lane] <= block[LOGARITHM + lane])
