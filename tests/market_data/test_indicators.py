"""Indicators against published spreadsheets, and what must hold for any bars."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alluse_assets.base.errors import DataError
from alluse_assets.market_data import indicators as ind
from tests.paths import KNOWN_ANSWERS, SHARED


def known(name: str) -> dict[str, np.ndarray]:
    frame = pl.read_csv(KNOWN_ANSWERS / name, infer_schema_length=None)
    return {
        c: frame[c].cast(pl.Float64, strict=False).to_numpy() for c in frame.columns if c not in ("", "Date")
    }


def test_atr_follows_stockcharts_sheet() -> None:
    sheet = known("stockcharts_atr14.csv")
    atr = ind.atr(sheet["High"], sheet["Low"], sheet["Close"])
    assert np.isnan(atr[:13]).all()
    np.testing.assert_allclose(atr[13:], sheet["ATR"][13:], atol=1e-9)


def test_atr_differs_from_stock_indicators_by_a_seed_that_fades() -> None:
    """Stock.Indicators has no true range for the first bar, so its seed is one bar later than ours."""
    sheet = known("skender_atr14_spy_2017_2018.csv")
    atr = ind.atr(sheet["high"], sheet["low"], sheet["close"])
    gap = atr - sheet["atr"]
    assert np.isnan(sheet["atr"][13])
    assert not np.isnan(atr[13])
    assert abs(gap[14]) > 1e-3
    np.testing.assert_allclose(gap[15:], gap[14] * (13 / 14) ** np.arange(1, len(gap) - 14), atol=1e-12)
    seeded_later = ind._wilder_mean(ind._true_ranges(sheet["high"], sheet["low"], sheet["close"]), 14)
    np.testing.assert_allclose(seeded_later[13:], sheet["atr"][14:], atol=1e-12)


def test_rsi_follows_stockcharts_sheet() -> None:
    sheet = known("stockcharts_rsi.csv")
    rsi = ind.rsi(sheet["Close"])
    assert np.isnan(rsi[:14]).all()
    np.testing.assert_allclose(rsi[14:], sheet["RSI"][14:], atol=1e-4)


def test_rsi_of_a_close_that_never_moves_is_neutral() -> None:
    assert ind.rsi(np.full(20, 7.0))[14:].tolist() == [50.0] * 6


def test_macd_line_follows_stockcharts_sheet() -> None:
    sheet = known("stockcharts_macd.csv")
    line, _, _ = ind.macd(sheet["Close"])
    assert np.isnan(line[:25]).all()
    np.testing.assert_allclose(line[25:], sheet["MACD_line"][25:], atol=1e-6)


def test_macd_signal_meets_stockcharts_sheet_as_the_seed_fades() -> None:
    """The sheet seeds its signal with later values than its start; the gap shrinks by 0.8 a bar."""
    sheet = known("stockcharts_macd.csv")
    line, signal, histogram = ind.macd(sheet["Close"])
    assert np.isnan(signal[:33]).all()
    assert not np.isnan(signal[33])
    gap = signal - sheet["MACD_signal"]
    np.testing.assert_allclose(gap[34:], gap[33] * 0.8 ** np.arange(1, len(gap) - 33), atol=1e-6)
    np.testing.assert_allclose(signal[85:], sheet["MACD_signal"][85:], atol=1e-6)
    np.testing.assert_allclose(histogram[85:], sheet["MACD_diff"][85:], atol=1e-6)
    np.testing.assert_allclose(histogram[33:], (line - signal)[33:])


def test_bollinger_follows_stockcharts_sheet() -> None:
    sheet = known("stockcharts_bbands.csv")
    middle, upper, lower = ind.bollinger(sheet["Close"])
    assert np.isnan(middle[:19]).all()
    for ours, theirs in ((middle, "MiddleBand"), (upper, "HighBand"), (lower, "LowBand")):
        np.testing.assert_allclose(ours[19:], sheet[theirs][19:], atol=1e-5)


def test_adx_follows_stockcharts_sheet() -> None:
    sheet = known("stockcharts_adx.csv")
    adx, plus, minus = ind.adx(sheet["High"], sheet["Low"], sheet["Close"])
    assert np.isnan(adx[:27]).all()
    assert np.isnan(plus[:14]).all()
    np.testing.assert_allclose(plus[14:], sheet["+DI14"][14:], atol=1e-6)
    np.testing.assert_allclose(minus[14:], sheet["-DI14"][14:], atol=1e-6)
    np.testing.assert_allclose(adx[27:], sheet["ADX"][27:], atol=1e-6)


def test_realised_volatility_is_the_annualised_deviation_of_log_returns() -> None:
    close = np.array([100.0, 101.0, 99.5, 102.0, 103.0, 101.0])
    expected = np.std(np.diff(np.log(close))[-3:], ddof=1) * np.sqrt(252)
    assert ind.realised_volatility(close, 3)[-1] == pytest.approx(expected, rel=1e-12)
    assert np.isnan(ind.realised_volatility(close, 3)[:3]).all()
    steady = 100 * 1.01 ** np.arange(30)
    assert ind.realised_volatility(steady)[-1] == pytest.approx(0.0, abs=1e-12)


def bars(symbols: int = 2, count: int = 60, seed: int = 1) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    parts = []
    for n in range(symbols):
        close = 100 * np.exp(np.cumsum(rng.normal(0, 0.02, count)))
        parts.append(
            pl.DataFrame(
                {
                    "ts": [date(2011, 1, 3) + timedelta(days=i) for i in range(count)],
                    "symbol": [f"S{n}"] * count,
                    "high": close * (1 + rng.uniform(0, 0.02, count)),
                    "low": close * (1 - rng.uniform(0, 0.02, count)),
                    "close": close,
                }
            )
        )
    return pl.concat(parts)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), cut=st.integers(0, 70))
def test_no_indicator_looks_ahead(seed: int, cut: int) -> None:
    frame = bars(1, 70, seed)
    whole = ind.indicators(frame)
    assert ind.indicators(frame.head(cut)).equals(whole.head(cut))


def test_symbols_do_not_mix_and_order_does_not_matter() -> None:
    frame = bars(3)
    whole = ind.indicators(frame)
    assert ind.indicators(frame.sample(fraction=1.0, shuffle=True, seed=5)).equals(whole)
    for symbol in ("S0", "S1", "S2"):
        alone = ind.indicators(frame.filter(pl.col("symbol") == symbol))
        assert alone.equals(whole.filter(pl.col("symbol") == symbol))
    assert whole.select("ts", "symbol").equals(whole.select("ts", "symbol").sort("ts", "symbol"))


def test_real_bars_give_values_inside_their_bounds() -> None:
    frame = pl.read_parquet(SHARED / "data" / "bars_daily_spy_msft_spx.parquet")
    frame = frame.filter(pl.col("symbol") == "MSFT").unique(["ts", "symbol"], keep="first")
    out = ind.indicators(frame)
    assert out.height == frame.height
    assert out["adx"].null_count() == 27
    for name in ("rsi", "adx", "plus_di", "minus_di"):
        assert out[name].drop_nulls().is_between(0, 100).all()
    assert (out["atr_usd"].drop_nulls() >= 0).all()


def test_no_bars_give_no_rows() -> None:
    assert ind.indicators(bars().clear()).height == 0


def test_a_missing_column_is_named() -> None:
    with pytest.raises(DataError, match="lack close"):
        ind.indicators(bars().drop("close"))


def test_two_bars_of_one_session_are_refused() -> None:
    frame = bars()
    with pytest.raises(DataError, match="S0 has more than one bar on 2011-01-03"):
        ind.indicators(pl.concat([frame, frame.head(1)]))
