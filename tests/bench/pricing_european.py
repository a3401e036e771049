"""European implied volatility and Greeks beside iv-engine, vollib and polars-vol, on the same rows.

Each package is called in its fastest form on arrays or columns that are ready for it (iv-engine takes calls
apart from puts, and forwards; polars-vol knows no dividends and gets the spot less their value), in turns
with ours. The error of each is the largest in volatility over the rows whose vega is at least 0.01 USD.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from alluse_assets.option_chains.pricing.chain import implied_volatility_and_greeks
from alluse_assets.option_chains.pricing.european import european_value
from alluse_assets.option_chains.pricing.greeks import greeks
from alluse_assets.option_chains.pricing.implied_volatility import implied_volatility
from tests.bench.realistic_options import VEGA_USD, Floats, Options, realistic_options

if TYPE_CHECKING:
    from tests.bench.__main__ import Bench

_ROUNDS = 5
_FEW = 20_000
_THREADS = os.cpu_count() or 1


def bench_pricing_european(bench: Bench) -> None:
    """A row a package; one that is not installed says so."""
    options = realistic_options()
    price = european_value(*options.market(), options.volatility, options.is_call, threads=_THREADS)
    vega = greeks(*options.market(), options.volatility, options.is_call, False, threads=_THREADS)
    counts = vega.vega_per_point * 100 >= VEGA_USD
    quotes = (price, *options.market(), options.is_call, np.zeros(price.size, dtype=bool))

    def ours() -> Floats:
        return implied_volatility(*quotes, threads=_THREADS).volatility

    def ours_with_greeks() -> Floats:
        return implied_volatility_and_greeks(*quotes, threads=_THREADS)[0].volatility

    def compare(what: str, mine: Callable[[], Floats], package: str, promised: str) -> None:
        label = (
            f"{price.size / 1e6:.0f} M {what}, {_THREADS} threads, error {_error(mine(), options, counts)}"
        )
        if find_spec(package) is None:
            bench.row(label, _seconds(mine), f"{package}: not installed", 0, promised)
            return
        theirs, share = _PACKAGES[package](price, options)
        found = theirs()
        told = f"{package}, error {_error(found, options, counts[: found.size])}"
        pairs = [(_seconds(mine), _seconds(theirs) / share) for _ in range(_ROUNDS)]
        bench.row(label, *_medians(pairs, told), promised)

    compare("European volatilities", ours, "iv_engine", "1/2.4")
    compare("European volatilities", ours, "vollib", "1/100")
    compare("European volatilities and five Greeks", ours_with_greeks, "polars_vol", "1/2")


def _iv_engine(price: Floats, options: Options) -> tuple[Callable[[], Floats], float]:
    import iv_engine

    growth = np.exp(options.rate * options.years)
    forward = options.spot * np.exp((options.rate - options.dividend_yield) * options.years)
    sides = [
        (*(column[chosen] for column in (price * growth, forward, options.strike, options.years)), is_call)
        for is_call, chosen in ((True, options.is_call), (False, ~options.is_call))
    ]

    def work() -> Floats:
        found = np.empty(price.size)
        found[options.is_call] = iv_engine.implied_volatilities(*sides[0])
        found[~options.is_call] = iv_engine.implied_volatilities(*sides[1])
        return found

    return work, 1.0


def _vollib(price: Floats, options: Options) -> tuple[Callable[[], Floats], float]:
    from vollib.black_scholes_merton.implied_volatility import implied_volatility as one

    few = options.head(_FEW)
    columns = [c.tolist() for c in (price[:_FEW], *few.market())]
    flags = ["c" if is_call else "p" for is_call in few.is_call]

    def attempt(*quote: Any) -> float:
        try:
            return float(one(*quote))
        except Exception:
            return float("nan")

    return lambda: np.array([attempt(*row) for row in zip(*columns, flags, strict=True)]), _FEW / price.size


def _polars_vol(price: Floats, options: Options) -> tuple[Callable[[], Floats], float]:
    import polars_vol

    frame = pl.DataFrame(
        {
            "price": price,
            "strike": options.strike,
            "spot": options.spot * np.exp(-options.dividend_yield * options.years),
            "years": options.years,
            "rate": options.rate,
            "is_call": options.is_call,
        }
    )
    found = polars_vol.iv_and_greeks("price", "strike", "spot", "years", "rate", "is_call")

    def work() -> Floats:
        result = frame.select(found.alias("found"))["found"]
        return result.struct.field("implied_vol").to_numpy()

    return work, 1.0


_PACKAGES = {"iv_engine": _iv_engine, "vollib": _vollib, "polars_vol": _polars_vol}


def _error(found: Floats, options: Options, counts: np.ndarray) -> str:
    gap = np.abs(found - options.volatility[: found.size])[counts]
    missing = np.isnan(gap)
    without = f" ({missing.sum()} without)" if missing.any() else ""
    return f"{gap[~missing].max():.0e}{without}"


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _medians(pairs: list[tuple[float, float]], told: str) -> tuple[float, str, float]:
    mine, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    return mine, told, theirs
