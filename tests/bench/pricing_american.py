"""American values beside QuantLib's loops, and what volatilities and Greeks cost, on the same rows.

QuantLib is used as fast as Python lets it: one process whose quotes are moved, one engine, one exercise a
date; its loop is measured on a sample and counted up. It knows whole days only, so the rows have these.
Errors are shares of the spot against QuantLib's fixed-point engine at high precision, largest and mean, on a
sample: one value takes it five milliseconds.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from alluse_assets.option_chains.pricing.american import american_value
from alluse_assets.option_chains.pricing.chain import implied_volatility_and_greeks
from alluse_assets.option_chains.pricing.greeks import greeks
from tests.bench.realistic_options import VEGA_USD, Floats, Options, realistic_options

if TYPE_CHECKING:
    from tests.bench.__main__ import Bench

_ROUNDS = 5
_FEW = 20_000
_CHECKED = 2_000
_THREADS = os.cpu_count() or 1


def bench_pricing_american(bench: Bench) -> None:
    """A row an engine of QuantLib's, and one for volatilities and Greeks."""
    options = realistic_options()
    options = replace(options, years=np.maximum(np.round(options.years * 365), 1) / 365)
    market = (*options.market(), options.volatility, options.is_call)

    def ours() -> Floats:
        return american_value(*market, threads=_THREADS)

    value = ours()
    what = f"{value.size / 1e6:.0f} M American values, {_THREADS} threads"
    if find_spec("QuantLib") is None:
        bench.row(what, _seconds(ours), "QuantLib: not installed", 0, "1/15")
    else:
        exact = quantlib_loop("exact", options.head(_CHECKED))()
        what = f"{what}, error {_error(value, exact, options)}"
        for engine, name, promised in _ENGINES:
            theirs = quantlib_loop(engine, options.head(_FEW))
            told = f"QuantLib's {name}, error {_error(theirs(), exact, options)}"
            pairs = [(_seconds(ours), _seconds(theirs) * value.size / _FEW) for _ in range(_ROUNDS)]
            bench.row(what, _median(pairs, 0), told, _median(pairs, 1), promised)
    _bench_inversion(bench, options, value)


_ENGINES = [
    ("approximation", "Barone-Adesi and Whaley", "1/15"),
    ("fast", "fixed point, fast scheme", "1/5"),
]


def _bench_inversion(bench: Bench, options: Options, value: Floats) -> None:
    is_american = np.ones(value.size, dtype=bool)
    quotes = (value, *options.market(), options.is_call, is_american)

    def ours() -> Floats:
        return implied_volatility_and_greeks(*quotes, threads=_THREADS)[0].volatility

    found = ours()
    vega = greeks(*options.market(), options.volatility, options.is_call, True, threads=_THREADS)
    counts = vega.vega_per_point * 100 >= VEGA_USD
    gap = np.abs(found - options.volatility)[counts]
    without = f" ({np.isnan(gap).sum()} without)" if np.isnan(gap).any() else ""
    what = f"their volatilities and five Greeks, error {np.nanmax(gap):.0e}{without}"
    pairs = [
        (_seconds(ours), _seconds(lambda: american_value(*options.market(), found, options.is_call)))
        for _ in range(3)
    ]
    bench.row(what, _median(pairs, 0), "the values, 1 thread", _median(pairs, 1))


def quantlib_loop(engine: str, options: Options) -> Callable[[], Floats]:
    """A loop over ``options`` with one process, ready to run."""
    import QuantLib as ql

    today = ql.Date(3, 1, 2011)
    ql.Settings.instance().evaluationDate = today
    count = ql.Actual365Fixed()
    spot, rate, dividend_yield, volatility = (ql.SimpleQuote(0.1) for _ in range(4))

    def flat(quote: Any) -> Any:
        return ql.YieldTermStructureHandle(ql.FlatForward(today, ql.QuoteHandle(quote), count))

    surface = ql.BlackConstantVol(today, ql.NullCalendar(), ql.QuoteHandle(volatility), count)
    process = ql.BlackScholesMertonProcess(
        ql.QuoteHandle(spot), flat(dividend_yield), flat(rate), ql.BlackVolTermStructureHandle(surface)
    )
    fixed_point = ql.QdFpAmericanEngine
    pricing_engine = {
        "approximation": lambda: ql.BaroneAdesiWhaleyApproximationEngine(process),
        "fast": lambda: fixed_point(process, fixed_point.fastScheme()),
        "exact": lambda: fixed_point(process, fixed_point.highPrecisionScheme()),
    }[engine]()
    days = np.round(options.years * 365).astype(int)
    exercises = {day: ql.AmericanExercise(today, today + day) for day in sorted({*days.tolist()})}
    columns = (options.spot, options.strike, options.rate, options.dividend_yield, options.volatility)
    rows = list(zip(*(c.tolist() for c in (*columns, options.is_call, days)), strict=True))

    def work() -> Floats:
        values = []
        for s, k, r, q, v, is_call, day in rows:
            spot.setValue(s)
            rate.setValue(r)
            dividend_yield.setValue(q)
            volatility.setValue(v)
            payoff = ql.PlainVanillaPayoff(ql.Option.Call if is_call else ql.Option.Put, k)
            option = ql.VanillaOption(payoff, exercises[day])
            option.setPricingEngine(pricing_engine)
            values.append(option.NPV())
        return np.array(values)

    return work


def _error(found: Floats, exact: Floats, options: Options) -> str:
    gap = np.abs(found[: exact.size] - exact) / options.spot[: exact.size]
    return f"{gap.max():.0e} at most, {gap.mean():.0e} on average"


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _median(pairs: list[tuple[float, float]], side: int) -> float:
    return statistics.median(pair[side] for pair in pairs)
