"""The mark: mid, else the model, never under intrinsic."""

from datetime import UTC, date, datetime
from decimal import Decimal

from alluse_assets.base.instruments import OptionContract
from alluse_assets.market_data.quote import Quote
from alluse_assets.option_chains.marks import intrinsic, mark

PUT = OptionContract("AAPL", date(2011, 1, 7), "P", Decimal(330))
NOW = datetime(2011, 1, 6, 21, tzinfo=UTC)


def marked(quote=None, iv=None, spot="334", now=NOW, european=False):
    return mark(PUT, quote, iv and Decimal(iv), Decimal(spot), now, 0.001, 0.0, european)


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
