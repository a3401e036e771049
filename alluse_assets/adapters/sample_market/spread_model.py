"""Bid and ask around a model value: whole ticks, never crossed, wider for dear, far and distant options.

All of it is on whole millionths of a USD: a value rounded to six decimals is the same on every
processor, and so is what follows from it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_MILLION = 1_000_000
_TICK_BOUNDARY = 3 * _MILLION


@dataclass(frozen=True, slots=True)
class SpreadModel:
    """Ticks under and from 3 USD, and the spread: ``least`` + ``share`` of the value; USD per share."""

    tick_low: float
    tick_high: float
    least: float
    share: float


SHARE_SPREADS = SpreadModel(tick_low=0.01, tick_high=0.05, least=0.02, share=0.01)
INDEX_SPREADS = SpreadModel(tick_low=0.05, tick_high=0.10, least=0.10, share=0.02)


def bid_and_ask(
    model: SpreadModel, value: Floats, intrinsic: Floats, deviations: Floats, years: Floats
) -> tuple[Floats, Floats]:
    """Bid (0 when nobody would) and ask, USD per share, on ticks.

    Args:
        model: ticks and width.
        value: model values.
        intrinsic: what immediate exercise pays; the middle of bid and ask is not below it.
        deviations: distance of the strike from the forward, in standard deviations; it widens the spread.
        years: time to expiry, which widens it, too.
    """
    factor = (1 + 0.15 * np.minimum(deviations**2, 9)) * (1 + np.minimum(years, 2.0))
    half = _millionths(np.round((model.least + model.share * value) * factor, 4)) // 2
    centre = _millionths(value)
    low, high = np.maximum(centre - half, 0), centre + half
    tick = _tick(model, low)
    bid = low // tick * tick
    tick = _tick(model, high)
    # A value on a tick could give one price for both.
    ask = np.maximum(-(-high // tick) * tick, bid + tick)
    ask += np.where(bid + ask < 2 * _millionths(intrinsic), tick, 0)
    return bid / _MILLION, ask / _MILLION


def _tick(model: SpreadModel, price: Integers) -> Integers:
    low, high = (round(tick * _MILLION) for tick in (model.tick_low, model.tick_high))
    return np.where(price < _TICK_BOUNDARY, low, high).astype(np.int64)


def _millionths(price: Floats) -> Integers:
    return np.rint(np.round(price, 6) * _MILLION).astype(np.int64)
