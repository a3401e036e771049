"""The paper broker's word: what fills, and how options end, at their limits."""

from datetime import date
from decimal import Decimal

import pytest

from alluse_assets.base.instruments import parse_occ_symbol
from alluse_assets.execution.lifecycle import OrderState
from alluse_assets.ledger.account_state import ShortOption
from alluse_assets.ledger.chart import LedgerAccount
from alluse_assets.ledger.lots import Lot
from tests.execution.scene import PUT, SESSION, Scene, buy_shares, quote, sell_put


def outcomes(close, through, symbol=PUT, underlying="AAPL"):
    short = ShortOption(parse_occ_symbol(symbol), underlying, (Lot(2, Decimal(400), SESSION),))
    found = Scene().broker.expiries(through, {"GEN-1": [short]}, {underlying: Decimal(close)})
    return [(outcome.kind, outcome.contracts) for outcome in found]


@pytest.mark.parametrize(
    ("close", "kind"), [("330.00", "expired"), ("329.9901", "expired"), ("329.99", "assigned")]
)
def test_a_cent_in_the_money_is_exercised_and_less_is_not(close, kind):
    assert outcomes(close, date(2011, 1, 7)) == [(kind, 2)]


def test_an_index_option_settles_in_cash():
    assert outcomes("329.00", date(2011, 1, 7), "SPXW110107P00330000", "SPX") == [("cash_settled", 2)]


def test_what_expires_later_is_left_alone_and_a_weekend_s_date_ends_with_its_friday():
    """Until 2015 monthly options named the Saturday after their last session."""
    assert outcomes("329.00", date(2011, 1, 6)) == []
    saturday = "AAPL110122P00330000"
    assert outcomes("329.00", date(2011, 1, 20), saturday) == []
    assert outcomes("329.00", date(2011, 1, 23), saturday) == [("assigned", 2)]


def test_a_contract_s_volume_is_shared_by_all_orders_of_the_session():
    """Once every account got a tenth of the volume for itself."""
    scene = Scene(cash="200000.00", quotes={PUT: quote(volume=50)})
    assert scene.engine.place(sell_put(3)) is OrderState.FILLED
    assert scene.engine.place(sell_put(3, purpose="second")) is OrderState.PARTIALLY_FILLED
    assert scene.account.shorts[PUT].contracts == 5


def test_a_price_between_two_cents_fills_a_limit_that_was_rounded_up():
    scene = Scene(closes={"AAPL": Decimal("334.0050")})
    assert scene.engine.place(buy_shares(limit="334.01")) is OrderState.FILLED
    assert scene.account.balance(LedgerAccount.SHARES) == Decimal("33401.00")
