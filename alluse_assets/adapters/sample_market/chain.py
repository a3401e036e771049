"""One option chain a symbol and session, at the close: listed series, volatility, value, bid and ask.

What a row gets depends on its session, closes up to it, the rate and the contract; never on which other
sessions or symbols are made with it, so any range gives the same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from alluse_assets.adapters.sample_market.listing import Ladder
from alluse_assets.adapters.sample_market.spread_model import SpreadModel, bid_and_ask
from alluse_assets.adapters.sample_market.volatility_model import (
    SESSIONS_A_YEAR,
    Smile,
    at_the_money,
    implied_volatility,
    total_variance_at_the_money,
)
from alluse_assets.base.calendar import TradingCalendar, expiry_instant
from alluse_assets.option_chains.pricing.american import american_value
from alluse_assets.option_chains.pricing.european import european_value
from alluse_assets.option_chains.tables import OPTION_QUOTES
from alluse_assets.option_chains.time_to_expiry import SECONDS_A_YEAR

Floats = NDArray[np.float64]

_SHORTEST_REACH_SESSIONS = 5
_VALUE_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class ChainModel:
    """How one kind of underlying is listed and priced.

    ``reach_down`` and ``reach_up`` are how far strikes go beyond recent closes, in standard deviations.
    Strikes come from ``fine`` when the expiry is within ``fine_days``, else from ``coarse``.
    """

    style: Literal["american", "european"]
    root_suffix: str
    smile: Smile
    spreads: SpreadModel
    expiries: Callable[[TradingCalendar, date], list[date]]
    fine: Ladder
    coarse: Ladder
    fine_days: int
    reach_down: float
    reach_up: float


def model_quotes(
    model: ChainModel,
    states: pl.DataFrame,
    calendar: TradingCalendar,
    dividend_yields: Mapping[str, float],
    source: str,
    threads: int,
) -> pl.DataFrame:
    """Rows of table option_quotes for each symbol and session of ``states``, sorted by its key.

    Args:
        model: how the underlyings are listed and priced.
        states: session, symbol, spot, recent_low, recent_high (lowest and highest close of the last weeks,
            in today's shares), short_variance, long_variance, rate_annual.
        calendar: expiries and closing times.
        dividend_yields: continuously compounded, per year, of every symbol.
        source: written on each row.
        threads: pricing threads; the result does not depend on it.
    """
    series = _series(model, states, calendar)
    if series.is_empty():
        return OPTION_QUOTES.empty()
    index, strike_millis = _strikes(model, series)
    options = series[index].with_columns(strike=pl.Series(strike_millis / 1000))
    both = pl.concat([options.with_columns(right=pl.lit(right)) for right in ("C", "P")])
    priced = _with_prices(model, both, dividend_yields, threads)
    quotes = priced.select(
        "quote_ts",
        "session",
        pl.col("symbol").alias("underlying"),
        pl.col("spot").alias("underlying_price"),
        pl.concat_str(
            "symbol",
            pl.lit(model.root_suffix),
            "expiry_digits",
            "right",
            (pl.col("strike") * 1000).round().cast(pl.Int64).cast(pl.String).str.zfill(8),
        ).alias("contract_symbol"),
        "expiry",
        "right",
        "strike",
        "bid",
        "ask",
        pl.lit(source).alias("source"),
    )
    return OPTION_QUOTES.conform(quotes).sort(OPTION_QUOTES.key)


def _series(model: ChainModel, states: pl.DataFrame, calendar: TradingCalendar) -> pl.DataFrame:
    """One row a symbol, session and expiry, with the times that pricing needs."""
    rows = [
        (
            session,
            expiry,
            calendar.close_time(session),
            (expiry - session).days,
            (expiry_instant(expiry) - calendar.close_time(session)).total_seconds() / SECONDS_A_YEAR,
            calendar.trading_days_between(session, expiry) / SESSIONS_A_YEAR,
            f"{expiry:%y%m%d}",
        )
        for session in states["session"].unique().sort()
        for expiry in model.expiries(calendar, session)
    ]
    schema: dict[str, pl.DataType | type[pl.DataType]] = {
        "session": pl.Date,
        "expiry": pl.Date,
        "quote_ts": pl.Datetime("us", "UTC"),
        "dte_days": pl.Int64,
        "years": pl.Float64,
        "trading_years": pl.Float64,
        "expiry_digits": pl.String,
    }
    listed = pl.DataFrame(rows, schema=schema, orient="row").with_columns(pl.col("years").round(12))
    series = states.join(listed, on="session", how="inner", maintain_order="left_right")
    columns = (series[name].to_numpy() for name in ("short_variance", "long_variance", "trading_years"))
    return series.with_columns(level=pl.Series(at_the_money(model.smile, *columns)))


def _strikes(model: ChainModel, series: pl.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row of ``series`` and strike in thousandths of a USD, for every strike listed."""
    spot, low, high = (series[name].to_numpy() for name in ("spot", "recent_low", "recent_high"))
    time = np.maximum(series["trading_years"].to_numpy(), _SHORTEST_REACH_SESSIONS / SESSIONS_A_YEAR)
    deviation = series["level"].to_numpy() * np.sqrt(time)
    low = np.round(low * np.exp(-model.reach_down * deviation), 4)
    high = np.round(high * np.exp(model.reach_up * deviation), 4)
    is_fine = series["dte_days"].to_numpy() <= model.fine_days
    found = []
    for ladder, chosen in ((model.fine, is_fine), (model.coarse, ~is_fine)):
        rows = np.flatnonzero(chosen)
        index, strikes = ladder.between(low[rows], spot[rows], high[rows])
        found.append((rows[index], strikes))
    return np.concatenate([f[0] for f in found]), np.concatenate([f[1] for f in found])


def _with_prices(
    model: ChainModel, options: pl.DataFrame, dividend_yields: Mapping[str, float], threads: int
) -> pl.DataFrame:
    """``options`` with ``bid`` and ``ask``."""
    yields = options["symbol"].replace_strict(dict(dividend_yields), return_dtype=pl.Float64).to_numpy()
    spot, strike, rate, years, trading_years, level = (
        options[name].to_numpy()
        for name in ("spot", "strike", "rate_annual", "years", "trading_years", "level")
    )
    log_moneyness = np.log(strike / spot) - (rate - yields) * years
    theta = total_variance_at_the_money(level, trading_years)
    volatility = implied_volatility(model.smile, theta, log_moneyness, years)
    value_of = american_value if model.style == "american" else european_value
    is_call = (options["right"] == "C").to_numpy()
    value = value_of(spot, strike, years, rate, yields, volatility, is_call, threads=threads)
    value = np.round(value, _VALUE_DECIMALS)
    deviations: Floats = np.round(log_moneyness / (level * np.sqrt(trading_years)), 6)
    intrinsic: Floats = np.maximum(np.where(is_call, spot - strike, strike - spot), 0.0)
    bid, ask = bid_and_ask(model.spreads, value, intrinsic, deviations, years)
    return options.with_columns(bid=pl.Series(bid), ask=pl.Series(ask))
