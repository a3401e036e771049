"""What the pricing tests compare with: the published tables and QuantLib."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import polars as pl

from tests.paths import KNOWN_ANSWERS


class Case(NamedTuple):
    """One option; ``years`` whole days of 365, so that QuantLib's dates can say it."""

    spot: float
    strike: float
    years: float
    rate: float
    dividend_yield: float
    volatility: float
    is_call: bool


def table(name: str) -> pl.DataFrame:
    frame = pl.read_csv(KNOWN_ANSWERS / name, infer_schema_length=None)
    numbers = ("strike", "spot", "q", "r", "t", "vol", "value")
    return frame.with_columns(pl.col(c).cast(pl.Float64) for c in numbers).with_columns(
        is_call=pl.col("type") == "Call"
    )


def arguments(frame: pl.DataFrame) -> list[np.ndarray]:
    return [frame[c].to_numpy() for c in ("spot", "strike", "t", "r", "q", "vol", "is_call")]


def random_cases(count: int, seed: int, longest_days: int = 90) -> list[Case]:
    rng = np.random.default_rng(seed)
    return [
        Case(
            100.0,
            float(np.round(rng.uniform(80, 120), 1)),
            int(rng.integers(3, longest_days)) / 365,
            float(np.round(rng.uniform(0.001, 0.06), 4)),
            float(np.round(rng.uniform(0.0, 0.05), 4)),
            float(np.round(rng.uniform(0.12, 0.6), 3)),
            bool(rng.random() < 0.5),
        )
        for _ in range(count)
    ]


def wide_cases(count: int, seed: int) -> list[Case]:
    """Any volatility from 1% to 500%, a day to three years; single boundaries only."""
    rng = np.random.default_rng(seed)
    cases = []
    for _ in range(count):
        years = int(rng.integers(1, 1096)) / 365
        volatility = float(np.exp(rng.uniform(np.log(0.01), np.log(5.0))))
        is_call = bool(rng.random() < 0.5)
        earned = float(rng.uniform(0.0005, 0.15) if rng.random() < 0.8 else 10 ** rng.uniform(-6, -3))
        lost = float(rng.uniform(-0.02, 0.15) if rng.random() < 0.8 else 0.0)
        rate, dividend_yield = (lost, earned) if is_call else (earned, lost)
        drift = (rate - dividend_yield) * years * rng.random()
        width = min(volatility * np.sqrt(years), 0.7)
        strike = float(100.0 * np.exp(drift + rng.normal() * width))
        cases.append(Case(100.0, strike, years, rate, dividend_yield, volatility, is_call))
    return cases


def columns(cases: list[Case]) -> list[np.ndarray]:
    return [np.array(column) for column in zip(*cases, strict=True)]


Dividends = list[tuple[int, float]]
"""Days from now and USD per share, ascending."""


def with_cash_dividends(count: int, seed: int) -> tuple[list[Case], list[Dividends]]:
    """Options up to 1000 days and 150% of volatility, dividends every quarter."""
    rng = np.random.default_rng(seed)
    cases, dividends = [], []
    for _ in range(count):
        days = int(rng.integers(10, 1000))
        volatility = float(np.exp(rng.uniform(np.log(0.1), np.log(1.5))))
        strike = float(100 * np.exp(rng.normal() * min(0.5 * volatility * np.sqrt(days / 365), 0.4)))
        rate, is_call = float(rng.uniform(0.005, 0.08)), bool(rng.random() < 0.5)
        cases.append(Case(100.0, strike, days / 365, rate, 0.0, volatility, is_call))
        paid = float(rng.uniform(0.2, 2.0))
        dividends.append([(day, paid) for day in range(int(rng.integers(1, 90)), days, 91)])
    return cases, dividends


def schedule_of(dividends: list[Dividends]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Offsets, years and amounts as the pricing functions take them."""
    flat = [each for of_one in dividends for each in of_one]
    years = np.array([days / 365 for days, _ in flat])
    return np.cumsum([0, *map(len, dividends)]), years, np.array([paid for _, paid in flat])


def quantlib_option(case: Case, engine: str, dividends: Dividends | None = None) -> Any:
    """The American option in QuantLib, with the named engine set.

    With cash dividends the engine is of finite differences in which the spot falls by each (QuantLib's cash
    dividend model "Spot").
    """
    import QuantLib as ql

    today = ql.Date(15, 5, 2020)
    ql.Settings.instance().evaluationDate = today
    day_count = ql.Actual365Fixed()

    def flat(rate: float) -> Any:
        return ql.YieldTermStructureHandle(ql.FlatForward(today, rate, day_count))

    process = ql.BlackScholesMertonProcess(
        ql.QuoteHandle(ql.SimpleQuote(case.spot)),
        flat(case.dividend_yield),
        flat(case.rate),
        ql.BlackVolTermStructureHandle(
            ql.BlackConstantVol(today, ql.NullCalendar(), case.volatility, day_count)
        ),
    )
    kind = ql.Option.Call if case.is_call else ql.Option.Put
    option = ql.VanillaOption(
        ql.PlainVanillaPayoff(kind, case.strike),
        ql.AmericanExercise(today, today + round(case.years * 365)),
    )
    if dividends is not None:
        schedule = ql.DividendVector([today + days for days, _ in dividends], [paid for _, paid in dividends])
        option.setPricingEngine(ql.FdBlackScholesVanillaEngine(process, schedule, 500, 1000))
    elif engine == "fixed_point":
        scheme = ql.QdFpAmericanEngine.highPrecisionScheme()
        option.setPricingEngine(ql.QdFpAmericanEngine(process, scheme))
    elif engine == "accurate":
        option.setPricingEngine(ql.QdFpAmericanEngine(process, ql.QdFpAmericanEngine.accurateScheme()))
    elif engine == "finite_differences":
        option.setPricingEngine(ql.FdBlackScholesVanillaEngine(process, 400, 800))
    elif engine == "ju":
        option.setPricingEngine(ql.JuQuadraticApproximationEngine(process))
    else:
        raise ValueError(engine)
    return option
