"""A year of daily chains of seven tickers for the bench: 1.3 million rows each, made by a formula.

Deterministic. Spots follow a fixed random walk, volatilities a smile, values and deltas Black-Scholes;
quotes are the value rounded outwards to cents. Only what a selection needs is realistic here.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta

import numpy as np
import polars as pl

from alluse_assets.base.calendar import trading_calendar
from alluse_assets.option_chains.tables import OPTION_CHAINS

TICKERS = ("AAPL", "AMZN", "GOOG", "IBM", "MSFT", "NVDA", "TSLA")
_STRIKES = 86
_EXPIRIES = 30


def months(sessions: int = 252) -> Iterator[pl.DataFrame]:
    """The chains of all tickers, a month at a time, as rows of ``option_chains``."""
    calendar = trading_calendar()
    days = calendar.sessions(
        datetime(2023, 1, 3, tzinfo=UTC).date(), datetime(2024, 6, 28, tzinfo=UTC).date()
    )
    days = days[:sessions]
    fridays = calendar.sessions(days[0], days[-1] + timedelta(days=400))
    fridays = [day for day in fridays if day.weekday() == 4]
    generator = np.random.default_rng(7)
    spots = {
        ticker: np.round(100 * (1 + at) * np.exp(np.cumsum(generator.normal(0, 0.015, len(days)))), 2)
        for at, ticker in enumerate(TICKERS)
    }
    part: list[pl.DataFrame] = []
    for place, day in enumerate(days):
        if part and day.month != days[place - 1].month:
            yield pl.concat(part)
            part = []
        expiries = [friday for friday in fridays if friday >= day][:_EXPIRIES]
        part += [_chain(ticker, day, float(spots[ticker][place]), expiries) for ticker in TICKERS]
    yield pl.concat(part)


def _chain(ticker: str, day, spot: float, expiries) -> pl.DataFrame:
    from scipy.special import ndtr

    step = max(round(spot / 100), 1)
    strikes = np.round(spot / step) * step + step * (np.arange(_STRIKES) - _STRIKES // 2)
    dte = np.array([(expiry - day).days for expiry in expiries])
    days_left, strike, is_call = (
        column.ravel() for column in np.meshgrid(dte, strikes, np.array([True, False]), indexing="ij")
    )
    years = np.maximum(days_left, 0.5) / 365
    moneyness = np.log(strike / spot)
    volatility = 0.3 - 0.2 * moneyness + 0.3 * moneyness**2
    deviation = volatility * np.sqrt(years)
    d1 = (-moneyness + 0.02 * years) / deviation + deviation / 2
    sign = np.where(is_call, 1.0, -1.0)
    cash = strike * np.exp(-0.02 * years)
    value = sign * (spot * ndtr(sign * d1) - cash * ndtr(sign * (d1 - deviation)))
    bid = np.maximum(np.floor(value * 98) / 100, 0.0)
    ask = np.ceil(value * 102 + 1) / 100
    expiry = np.repeat(np.array(expiries, dtype="datetime64[D]"), _STRIKES * 2)
    rows = pl.DataFrame(
        {
            "strike": strike,
            "expiry": expiry,
            "right": np.where(is_call, "C", "P"),
            "bid": bid,
            "ask": ask,
            "delta": np.round(sign * ndtr(sign * d1), 6),
            "iv_annual": np.round(volatility, 6),
            "dte_days": days_left,
            "years_to_expiry": np.round(years, 12),
        }
    )
    return OPTION_CHAINS.conform(
        rows.with_columns(
            quote_ts=pl.lit(datetime.combine(day, time(20), UTC)),
            session=pl.lit(day),
            underlying=pl.lit(ticker),
            underlying_price=pl.lit(spot),
            contract_symbol=pl.concat_str(
                pl.lit(ticker),
                pl.col("expiry").dt.strftime("%y%m%d"),
                "right",
                (pl.col("strike") * 1000).round().cast(pl.Int64).cast(pl.String).str.zfill(8),
            ),
            mid=(pl.col("bid") + pl.col("ask")) / 2,
            volume=pl.lit(100),
            open_interest=pl.lit(1000),
            rate_annual=pl.lit(0.02),
            dividend_yield_annual=pl.lit(0.0),
            exercise_style=pl.lit("american"),
            iv_status=pl.lit("ok"),
            gamma=pl.lit(0.01),
            theta_per_day=pl.lit(-0.01),
            vega_per_point=pl.lit(0.1),
            rho_per_point=pl.lit(0.01),
            source=pl.lit("bench"),
        )
    )
