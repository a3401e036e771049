"""What a quote really gives: the price at which the paper broker fills, and the premium screens use.

Selling gets the bid, buying pays the ask, each bettered by a configured share of half the spread and
rounded against us to the tick. Screens (vectorised, scaled integers) and fills (Decimal) share the rule.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import polars as pl

from alluse_assets.market_data.quote import Quote

TICK = Decimal("0.01")
PRICE_SCALE = 10_000
"""Scaled prices are ten-thousandths of a dollar."""


def fill_price(quote: Quote, selling: bool, improvement_share: float) -> Decimal:
    """USD per share that a marketable order gets."""
    better = Decimal(str(improvement_share)) * (quote.ask - quote.bid) / 2
    if selling:
        return (quote.bid + better).quantize(TICK, rounding=ROUND_FLOOR)
    return (quote.ask - better).quantize(TICK, rounding=ROUND_CEILING)


def scaled_price(column: str) -> pl.Expr:
    """A price column as ``int64`` ten-thousandths."""
    return (pl.col(column) * PRICE_SCALE).round().cast(pl.Int64)


def scaled_sell_price(improvement_share: float) -> pl.Expr:
    """``fill_price`` for selling over columns bid and ask, scaled."""
    bid, ask = scaled_price("bid"), scaled_price("ask")
    tick = int(TICK * PRICE_SCALE)
    share = round(improvement_share * 1_000_000)
    raw = bid + (ask - bid) * share // 2_000_000
    return raw // tick * tick


def fillable(quantity: int, volume: int | None, participation: float) -> int:
    """How many contracts a day's volume lets us have: all where the volume is unknown."""
    if volume is None:
        return quantity
    return min(quantity, volume * round(participation * 10_000) // 10_000)
