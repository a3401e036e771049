"""Volatility at any strike and expiry of a surface, or the reason why it can say none.

Within an expiry it is the fitted curve. Beyond the strikes that were quoted (``beyond_strikes`` tells) it is
what ``wings`` draws. Between expiries total variance lies on a straight
line in time at equal log-moneyness to the forward, so it falls nowhere that the curves do not (Gatheral and
Jacquier 2014, section 5). Before the first expiry volatility at equal log-moneyness is the first's, which
draws total variance straight down to zero. Beyond the last, total variance rises at every strike alike, by
the last expiry's average at the money: the smile flattens, and neither calendars nor butterflies come free.
Forwards and discounts go on straight lines in their logarithms in the same way.

Where the shorter expiry's curve is above the longer's there is no volatility in between that is free of
arbitrage: null, as with every other reason of ``LOOKUP_STATUSES``. What an option is worth at the
volatility belongs to ``fill``.
"""

from __future__ import annotations

from typing import Literal

import polars as pl

from alluse_assets.base.errors import DataError
from alluse_assets.option_chains.surface.wings import drawn_variance
from alluse_assets.option_chains.time_to_expiry import years_left

POINT = ("quote_ts", "underlying", "expiry", "strike")
_CHAIN = ["quote_ts", "underlying"]
_CURVE = ("svi_a", "svi_b", "svi_rho", "svi_m", "svi_sigma")
_SLICE = ("years_to_expiry", "rate_annual", "dividend_yield_annual")
_SIDES: tuple[tuple[str, Literal["backward", "forward"]], ...] = (("near", "backward"), ("far", "forward"))
_DECIMALS = 6
# Curves are stored to the billionth and less: what is crossed by that is not crossed.
_ROUNDING = 1e-9


def lookup(surfaces: pl.DataFrame, points: pl.DataFrame) -> pl.DataFrame:
    """What ``surfaces`` say at ``points``, a row a point, in their order.

    Args:
        surfaces: rows of table surfaces.
        points: ``quote_ts`` (the surface's instant), ``underlying``, ``expiry`` and ``strike`` (USD per
            share); other columns are not read.

    Returns:
        The columns ``POINT``; ``years_to_expiry``; ``underlying_price`` and ``forward_price`` (USD per
        share), ``rate_annual`` and ``dividend_yield_annual`` (continuously compounded) of the point's expiry;
        ``iv_annual``, null unless ``surface_status`` is one of the first four of LOOKUP_STATUSES; and
        ``beyond_strikes``: the strike is outside of those that were quoted.

    Raises:
        DataError: a column is missing.
    """
    missing = [name for name in POINT if name not in points.columns]
    if missing:
        raise DataError(f"surface lookup: the points lack {', '.join(missing)}")
    asked = points.select(POINT).with_columns(years_to_expiry=years_left()).with_row_index("place")
    slices = surfaces.filter(pl.col("years_to_expiry") > 0).sort(*_CHAIN, "years_to_expiry")
    spots = slices.select(*_CHAIN, "underlying_price").unique(_CHAIN, keep="first")
    asked = asked.join(spots, on=_CHAIN, how="left", maintain_order="left")
    asked = _with_terms(asked, slices)
    fitted = slices.filter(pl.col("svi_a").is_not_null())
    both = _around(asked, fitted, (*_CURVE, "years_to_expiry", "lowest_k", "highest_k"))
    return (
        _with_volatility(both)
        .sort("place")
        .select(
            *POINT,
            "years_to_expiry",
            "underlying_price",
            "forward_price",
            "rate_annual",
            "dividend_yield_annual",
            "iv_annual",
            "surface_status",
            "beyond_strikes",
        )
    )


def _around(asked: pl.DataFrame, slices: pl.DataFrame, columns: tuple[str, ...]) -> pl.DataFrame:
    """``asked`` with ``columns`` of the last expiry up to it (``_near``), the first from it (``_far``)."""
    found = asked.sort("years_to_expiry")
    for side, strategy in _SIDES:
        renamed = (pl.col(name).alias(f"{name}_{side}") for name in columns)
        known = slices.select(*_CHAIN, pl.col("years_to_expiry").alias("at"), *renamed).sort("at")
        found = found.join_asof(
            known,
            left_on="years_to_expiry",
            right_on="at",
            by=_CHAIN,
            strategy=strategy,
            check_sortedness=False,
        ).drop("at", strict=False)
    return found


def _with_terms(asked: pl.DataFrame, slices: pl.DataFrame) -> pl.DataFrame:
    """``asked`` with rate, yield and forward: straight lines of rate times years, before and after flat."""
    both = _around(asked, slices, _SLICE)
    years, near, far = (pl.col(f"years_to_expiry{side}") for side in ("", "_near", "_far"))
    share = pl.when(far > near).then((years - near) / (far - near)).otherwise(0.0)

    def line(name: str) -> pl.Expr:
        begin, end = pl.col(f"{name}_near"), pl.col(f"{name}_far")
        straight = ((1 - share) * begin * near + share * end * far) / years
        return pl.when(near == far).then(begin).otherwise(pl.coalesce(straight, begin, end)).round(_DECIMALS)

    told = both.with_columns(line(name).alias(name) for name in ("rate_annual", "dividend_yield_annual"))
    carry = (pl.col("rate_annual") - pl.col("dividend_yield_annual")) * years
    return told.with_columns(forward_price=(pl.col("underlying_price") * carry.exp()).round(4)).drop(
        f"{name}_{side}" for name in _SLICE for side in ("near", "far")
    )


def _with_volatility(both: pl.DataFrame) -> pl.DataFrame:
    strike, forward = pl.col("strike"), pl.col("forward_price")
    years, near, far = (pl.col(f"years_to_expiry{side}") for side in ("", "_near", "_far"))
    k = (strike / forward).log().round(8)
    both = both.with_columns(k=pl.when(strike.is_finite() & (strike > 0)).then(k))
    both = both.with_columns(
        _variance(both, "near", "k"), _variance(both, "far", "k"), _variance(both, "near", None)
    )
    before, after = pl.col("w_near"), pl.col("w_far")
    share = (years - near) / (far - near)
    status = (
        pl.when(years <= 0)
        .then(pl.lit("zero_time"))
        .when(near.is_null() & far.is_null())
        .then(pl.lit("no_surface"))
        .when(pl.col("k").is_null())
        .then(pl.lit("bad_strike"))
        .when(near == far)
        .then(pl.lit("ok"))
        .when(near.is_null())
        .then(pl.lit("before_first"))
        .when(far.is_null())
        .then(pl.lit("beyond_last"))
        .when(after < before * (1 - _ROUNDING))
        .then(pl.lit("expiries_cross"))
        .otherwise(pl.lit("between_expiries"))
    )
    rules = {
        "ok": before,
        "before_first": after * years / far,
        "beyond_last": before + pl.col("w_near_forward") * (years - near) / near,
        "between_expiries": before + share * (after - before),
    }
    told = both.with_columns(surface_status=status)
    variance = pl.coalesce(
        pl.when(pl.col("surface_status") == name).then(rule) for name, rule in rules.items()
    )
    low = pl.max_horizontal("lowest_k_near", "lowest_k_far")
    high = pl.min_horizontal("highest_k_near", "highest_k_far")
    return told.with_columns(
        iv_annual=(variance / years).sqrt().round(_DECIMALS),
        beyond_strikes=pl.when(variance.is_not_null()).then(pl.col("k").is_between(low, high).not_()),
    )


def _variance(frame: pl.DataFrame, side: str, k: str | None) -> pl.Series:
    """Total variance of the ``side`` curve at column ``k``, or at the forward; null where there is none."""
    names = (*_CURVE, "lowest_k", "highest_k")
    place = (pl.col(k) if k else pl.lit(0.0)).cast(pl.Float64).alias("k")
    read = frame.select(place, *(pl.col(f"{name}_{side}").alias(name) for name in names))
    at, a, b, rho, m, sigma, low, high = (read[name].to_numpy() for name in ("k", *names))
    values = drawn_variance((a, b, rho, m, sigma), low, high, at)
    return pl.Series(f"w_{side}" if k else f"w_{side}_forward", values).fill_nan(None)
