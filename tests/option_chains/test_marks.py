"""The mark: mid, else the surface, else the model at the last volatility, never under intrinsic."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from alluse_assets.base.instruments import OptionContract
from alluse_assets.market_data.quote import Quote
from alluse_assets.option_chains.marks import OnSurface, intrinsic, mark, on_surface
from alluse_assets.option_chains.surface.tables import SURFACES

PUT = OptionContract("AAPL", date(2011, 1, 7), "P", Decimal(330))
NOW = datetime(2011, 1, 6, 21, tzinfo=UTC)


def marked(quote=None, iv=None, spot="334", now=NOW, european=False, surface=None):
    return mark(PUT, quote, surface, iv and Decimal(iv), Decimal(spot), now, 0.001, 0.0, european)


def test_a_two_sided_quote_s_mid_is_the_mark_and_its_volatility_is_kept():
    found = marked(Quote(PUT.symbol, NOW, Decimal("2.00"), Decimal("2.05"), iv=Decimal("0.3")))
    assert (found.price, found.basis, found.iv) == (Decimal("2.0250"), "quote", Decimal("0.3"))


def test_a_one_sided_quote_is_no_quote():
    found = marked(Quote(PUT.symbol, NOW, Decimal(0), Decimal("2.05")), iv="0.3")
    assert found.basis == "model"


def test_without_a_quote_the_model_at_the_last_volatility_speaks():
    american, european = marked(iv="0.30"), marked(iv="0.30", european=True)
    assert Decimal("0.5") < european.price <= american.price < Decimal("3")
    assert marked(iv="0.60").price > american.price


def test_no_mark_is_under_intrinsic():
    crossed_in_time = Quote(PUT.symbol, NOW, Decimal("9.00"), Decimal("9.20"))
    assert marked(crossed_in_time, spot="320").price == Decimal("10.0000")
    assert marked(iv="0.05", spot="300").price == Decimal("30.0000")


def test_without_quote_and_volatility_or_time_it_is_the_intrinsic_value():
    assert marked().basis == "intrinsic"
    assert marked(iv="0.3", spot="325", now=datetime(2011, 1, 7, 21, tzinfo=UTC)).price == Decimal("5.0000")


def test_intrinsic_of_calls_and_puts():
    call = OptionContract("AAPL", date(2011, 1, 7), "C", Decimal(330))
    assert intrinsic(call, Decimal(334)) == 4
    assert intrinsic(PUT, Decimal(334)) == 0


def test_the_surface_of_the_instant_goes_before_the_last_volatility():
    surface = OnSurface(Decimal("0.45"), 0.001, 0.0)
    one_sided = Quote(PUT.symbol, NOW, Decimal(0), Decimal("2.05"))
    for quote in (None, one_sided):
        found = marked(quote, iv="0.30", surface=surface)
        assert (found.basis, found.iv) == ("surface", Decimal("0.45"))
        assert found.price == marked(iv="0.45").price > marked(iv="0.30").price
    two_sided = Quote(PUT.symbol, NOW, Decimal("2.00"), Decimal("2.05"))
    assert marked(two_sided, iv="0.30", surface=surface).basis == "quote"
    assert marked(surface=surface, spot="300").price == Decimal("30.0000")
    at_the_end = marked(surface=surface, spot="325", now=datetime(2011, 1, 7, 21, tzinfo=UTC))
    assert (at_the_end.price, at_the_end.basis) == (Decimal("5.0000"), "intrinsic")


def test_the_surface_s_own_rate_and_yield_are_used():
    near, far = (marked(surface=OnSurface(Decimal("0.3"), 0.0, share), european=True) for share in (0.0, 2.0))
    assert far.price > near.price


def surface_rows(*instants, level=0.0004, underlying="AAPL"):
    """A flat curve an instant, total variance ``level`` until the expiry of ``PUT``."""
    rows = [
        {
            "quote_ts": at,
            "session": at.date(),
            "underlying": underlying,
            "expiry": PUT.expiry,
            "years_to_expiry": (datetime(2011, 1, 7, 21, tzinfo=UTC) - at).total_seconds() / (365 * 86_400),
            "underlying_price": 334.0,
            "forward_price": 334.0,
            "rate_annual": 0.001,
            "dividend_yield_annual": 0.0,
            "svi_a": level * n,
            "svi_b": 0.0,
            "svi_rho": 0.0,
            "svi_m": 0.0,
            "svi_sigma": 1.0,
            "points_used": 9,
            "lowest_k": -0.1,
            "highest_k": 0.1,
            "fit_status": "flat",
            "source": "test",
        }
        for n, at in enumerate(instants, start=1)
    ]
    return SURFACES.conform(pl.DataFrame(rows))


def test_only_surfaces_up_to_the_instant_are_seen_and_the_latest_of_them_counts():
    surfaces = surface_rows(NOW - timedelta(hours=4), NOW - timedelta(hours=1), NOW + timedelta(minutes=1))
    expected = (0.0004 * 2 / surfaces["years_to_expiry"][1]) ** 0.5
    found = on_surface(PUT, "AAPL", surfaces, NOW)
    assert float(found.iv) == pytest.approx(expected, abs=1e-6)
    assert found.rate_annual == 0.001
    later = surfaces.with_columns(svi_a=pl.when(pl.col("quote_ts") > NOW).then(9.0).otherwise("svi_a"))
    assert on_surface(PUT, "AAPL", later, NOW) == found


def test_a_surface_that_says_nothing_leaves_the_mark_to_the_last_volatility():
    surfaces = surface_rows(NOW)
    assert on_surface(PUT, "AAPL", surfaces.clear(), NOW) is None
    assert on_surface(PUT, "MSFT", surfaces, NOW) is None
    assert on_surface(PUT, "AAPL", surfaces, NOW - timedelta(seconds=1)) is None
    without_curve = surfaces.with_columns(svi_a=pl.lit(None, dtype=pl.Float64))
    assert on_surface(PUT, "AAPL", without_curve, NOW) is None


def test_a_contract_that_no_chain_has_is_found_between_expiries():
    later = surface_rows(NOW, level=0.004).with_columns(
        expiry=date(2011, 1, 21), years_to_expiry=pl.lit(15 / 365)
    )
    surfaces = pl.concat([surface_rows(NOW), later])
    between = OptionContract("AAPL", date(2011, 1, 14), "C", Decimal("333.33"))
    found = on_surface(between, "AAPL", surfaces, NOW)
    share = 7 / 14
    expected = ((0.0004 + share * (0.004 - 0.0004)) / (8 / 365)) ** 0.5
    assert float(found.iv) == pytest.approx(expected, abs=1e-5)
