"""Technical indicators of daily bars: ATR, RSI, MACD, Bollinger bands, ADX, realised volatility.

Functions over arrays in time order, NaN while they warm up, and ``indicators`` for frames of many
symbols. A value uses its own bar and earlier ones only. Sums run in a fixed order, so the same bars
give the same values everywhere. What the values are used for belongs elsewhere.

Sources: Wilder, New Concepts in Technical Trading Systems (1978), in StockCharts' conventions; Appel
(MACD); Bollinger.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

from alluse_assets.base.errors import DataError
from alluse_assets.market_data.tables import INDICATORS

Series = NDArray[np.float64]

SESSIONS_A_YEAR = 252
_DECIMALS = 8


def atr(high: Series, low: Series, close: Series, window: int = 14) -> Series:
    """Average true range, USD per share, Wilder's smoothing.

    StockCharts' convention: the first true range is the first bar's high less low, and the mean of the
    first ``window`` true ranges, on bar ``window``, is the seed. Stock.Indicators starts one bar later
    (it has no true range for the first bar); the difference fades by (window - 1) / window a bar.
    """
    ranges = [float(high[0] - low[0]), *_true_ranges(high, low, close)] if len(high) else []
    return _wilder_mean(ranges, window)


def rsi(close: Series, window: int = 14) -> Series:
    """Relative strength index, 0 to 100; 50 where the close has not moved at all.

    Average gain and average loss start from zero at the first bar and take in 1 / ``window`` of each
    change. Only their ratio counts, so the missing weight of the start cancels and no seed is needed.
    The first value is on bar ``window`` + 1.
    """
    out = np.full(len(close), np.nan)
    gain = loss = 0.0
    for i in range(1, len(close)):
        change = float(close[i] - close[i - 1])
        gain += (max(change, 0.0) - gain) / window
        loss += (max(-change, 0.0) - loss) / window
        if i >= window:
            out[i] = 100.0 * gain / (gain + loss) if gain + loss > 0.0 else 50.0
    return out


def macd(close: Series, short: int = 12, long: int = 26, signal: int = 9) -> tuple[Series, Series, Series]:
    """MACD line, signal line and histogram, USD per share.

    Exponential averages start from the first close (the signal from the first MACD); the line is given
    from bar ``long`` on, signal and histogram from bar ``long`` + ``signal`` - 1.
    """
    line = _exponential_mean(close, short) - _exponential_mean(close, long)
    smooth = _exponential_mean(line, signal)
    histogram = line - smooth
    line[: long - 1] = np.nan
    smooth[: long + signal - 2] = np.nan
    histogram[: long + signal - 2] = np.nan
    return line, smooth, histogram


def bollinger(close: Series, window: int = 20, deviations: float = 2.0) -> tuple[Series, Series, Series]:
    """Middle, upper and lower band, USD per share: mean close and its population standard deviation."""
    middle = np.full(len(close), np.nan)
    width = np.full(len(close), np.nan)
    prices = close.tolist()
    for end in range(window, len(prices) + 1):
        part = prices[end - window : end]
        mean = math.fsum(part) / window
        middle[end - 1] = mean
        width[end - 1] = deviations * math.sqrt(math.fsum((p - mean) ** 2 for p in part) / window)
    return middle, middle + width, middle - width


def adx(high: Series, low: Series, close: Series, window: int = 14) -> tuple[Series, Series, Series]:
    """Average directional index, positive and negative directional indicator, each 0 to 100.

    StockCharts' convention: movements and true ranges begin with the second bar; their first sums are on
    bar ``window`` + 1, the first ADX (the mean of ``window`` directional indices) on bar 2 ``window``.
    """
    count = len(close)
    index, plus, minus = (np.full(count, np.nan) for _ in range(3))
    ups, downs = [], []
    for i in range(1, count):
        up, down = float(high[i] - high[i - 1]), float(low[i - 1] - low[i])
        ups.append(up if up > down and up > 0.0 else 0.0)
        downs.append(down if down > up and down > 0.0 else 0.0)
    sums = [_wilder_sum(values, window) for values in (_true_ranges(high, low, close), ups, downs)]
    directional = []
    for i, (true_range, up, down) in enumerate(zip(*sums, strict=True), start=window):
        plus[i] = 100.0 * up / true_range if true_range > 0.0 else 0.0
        minus[i] = 100.0 * down / true_range if true_range > 0.0 else 0.0
        both = float(plus[i] + minus[i])
        directional.append(100.0 * abs(float(plus[i] - minus[i])) / both if both > 0.0 else 0.0)
    index[window:] = _wilder_mean(directional, window)
    return index, plus, minus


def realised_volatility(close: Series, window: int = 20) -> Series:
    """Sample standard deviation of ``window`` daily log returns times sqrt(252), per year."""
    out = np.full(len(close), np.nan)
    prices = close.tolist()
    returns = [math.log(b / a) for a, b in pairwise(prices)]
    for end in range(window, len(returns) + 1):
        part = returns[end - window : end]
        mean = math.fsum(part) / window
        variance = math.fsum((r - mean) ** 2 for r in part) / (window - 1)
        out[end] = math.sqrt(variance * SESSIONS_A_YEAR)
    return out


def indicators(bars: pl.DataFrame) -> pl.DataFrame:
    """Table indicators for every symbol in ``bars``, sorted by session and symbol, to 8 decimals.

    Args:
        bars: table bars (``ts``, ``symbol``, ``high``, ``low``, ``close`` are used), in any order. Pass
            split-adjusted bars where a split lies inside: a jump of the price is a move like any other.

    Raises:
        DataError: a column is missing, or a symbol has two bars on one session.
    """
    needed = ("ts", "symbol", "high", "low", "close")
    missing = [name for name in needed if name not in bars.columns]
    if missing:
        raise DataError(f"indicators: the bars lack {', '.join(missing)}; found {', '.join(bars.columns)}")
    frame = bars.select(needed).sort("symbol", "ts")
    twice = frame.filter(pl.struct("symbol", "ts").is_duplicated())
    if twice.height:
        raise DataError(
            f"indicators: {twice['symbol'][0]} has more than one bar on {twice['ts'][0]}; keep one of them"
        )
    parts = [_of_one_symbol(part) for part in frame.partition_by("symbol", maintain_order=True)]
    return INDICATORS.conform(pl.concat([INDICATORS.empty(), *parts])).sort("ts", "symbol")


def _of_one_symbol(bars: pl.DataFrame) -> pl.DataFrame:
    high, low, close = (bars[name].cast(pl.Float64).to_numpy() for name in ("high", "low", "close"))
    line, signal, histogram = macd(close)
    middle, upper, lower = bollinger(close)
    index, plus, minus = adx(high, low, close)
    columns = {
        "atr_usd": atr(high, low, close),
        "rsi": rsi(close),
        "macd": line,
        "macd_signal": signal,
        "macd_histogram": histogram,
        "bollinger_middle": middle,
        "bollinger_upper": upper,
        "bollinger_lower": lower,
        "adx": index,
        "plus_di": plus,
        "minus_di": minus,
        "realised_volatility_annual": realised_volatility(close),
    }
    values = {name: pl.Series(column).round(_DECIMALS).fill_nan(None) for name, column in columns.items()}
    return bars.select("ts", "symbol").with_columns(**values)


def _true_ranges(high: Series, low: Series, close: Series) -> list[float]:
    """True ranges from the second bar on: the bar's range, or its reach from the previous close."""
    return [
        float(max(high[i] - low[i], abs(high[i] - close[i - 1]), abs(low[i] - close[i - 1])))
        for i in range(1, len(close))
    ]


def _wilder_mean(values: Sequence[float], window: int) -> Series:
    """Wilder's average, as long as ``values``: the mean of the first ``window``, then 1 / window of each."""
    out = np.full(len(values), np.nan)
    if len(values) < window:
        return out
    mean = math.fsum(values[:window]) / window
    out[window - 1] = mean
    for i in range(window, len(values)):
        mean = (mean * (window - 1) + values[i]) / window
        out[i] = mean
    return out


def _wilder_sum(values: Sequence[float], window: int) -> list[float]:
    """Wilder's running sum from the ``window``-th value on: less 1 / window of itself, plus the new one."""
    if len(values) < window:
        return []
    sums = [math.fsum(values[:window])]
    for value in values[window:]:
        sums.append(sums[-1] - sums[-1] / window + value)
    return sums


def _exponential_mean(values: Series, span: int) -> Series:
    """Exponential average with weight 2 / (span + 1), from the first value on."""
    out = np.array(values, dtype=np.float64)
    for i in range(1, len(out)):
        out[i] = out[i - 1] + (values[i] - out[i - 1]) * 2.0 / (span + 1)
    return out
