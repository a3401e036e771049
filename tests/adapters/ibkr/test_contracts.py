"""Our names and the gateway's mean the same contract, both ways; adjusted contracts are left out."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ib_async import Contract, ContractDetails

from alluse_assets.adapters.ibkr.contracts import (
    expiry_date,
    is_standard_class,
    listed_options,
    option_contract,
    our_symbol,
    underlying_contract,
)
from alluse_assets.base.errors import DataError
from alluse_assets.base.instruments import OptionContract


def _details(named: OptionContract, underlying: str, **changes: object) -> ContractDetails:
    told = {
        "secType": "OPT",
        "symbol": underlying,
        "right": named.right,
        "strike": float(named.strike),
        "multiplier": "100",
        "localSymbol": named.padded_symbol,
        "tradingClass": named.root,
        **changes,
    }
    return ContractDetails(contract=Contract(**told), underSymbol=underlying)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("symbol", "kind", "exchange", "theirs"),
    [
        ("AAPL", "STK", "SMART", "AAPL"),
        ("BRK.B", "STK", "SMART", "BRK B"),
        ("SPX", "IND", "CBOE", "SPX"),
        ("RUT", "IND", "RUSSELL", "RUT"),
    ],
)
def test_a_symbol_is_asked_for_where_the_gateway_lists_it(
    symbol: str, kind: str, exchange: str, theirs: str
) -> None:
    contract = underlying_contract(symbol)
    assert (contract.secType, contract.exchange, contract.symbol) == (kind, exchange, theirs)
    assert our_symbol(contract.symbol) == symbol


@given(
    root=st.from_regex("[A-Z]{1,5}", fullmatch=True),
    expiry=st.dates(date(2011, 1, 1), date(2040, 1, 1)),
    right=st.sampled_from(["C", "P"]),
    strike=st.integers(1, 99_999_999),
)
def test_an_option_comes_back_from_the_gateway_under_the_name_it_was_asked_by(
    root: str, expiry: date, right: str, strike: int
) -> None:
    named = OptionContract(root, expiry, "C" if right == "C" else "P", Decimal(strike) / 1000)
    asked = option_contract(named.symbol)
    assert len(asked.localSymbol) == 21
    (listed,), skipped = listed_options([_details(named, root, localSymbol=asked.localSymbol)])
    assert (listed.named, listed.underlying, skipped) == (named, root, 0)


def test_adjusted_mini_and_contradictory_contracts_are_counted_and_left_out() -> None:
    good = OptionContract("AAPL", date(2026, 11, 27), "P", Decimal(200))
    adjusted = OptionContract("AAPL1", date(2026, 11, 27), "P", Decimal(200))
    listed, skipped = listed_options(
        [
            _details(good, "AAPL"),
            _details(adjusted, "AAPL"),
            _details(good, "AAPL", multiplier="10"),
            _details(good, "AAPL", strike=201.0),
            _details(good, "AAPL", right="C"),
            _details(good, "AAPL", localSymbol="AAPL something"),
        ]
    )
    assert [option.named for option in listed] == [good]
    assert skipped == 5


def test_an_index_has_its_weekly_classes_and_a_share_only_its_own() -> None:
    assert is_standard_class("SPX", "SPX", "100")
    assert is_standard_class("SPX", "SPXW", "100")
    assert is_standard_class("BRK.B", "BRKB", "100")
    assert not is_standard_class("SPX", "SPY", "100")
    assert not is_standard_class("F", "FW", "100")
    assert not is_standard_class("AAPL", "AAPL", "150")


def test_the_expiry_of_an_index_settled_at_the_open_is_the_one_in_its_name() -> None:
    named = OptionContract("SPX", date(2026, 12, 18), "C", Decimal(6800))
    (listed,), _ = listed_options([_details(named, "SPX", lastTradeDateOrContractMonth="20261217")])
    assert listed.named.expiry == date(2026, 12, 18)


def test_a_text_that_is_no_date_is_refused() -> None:
    assert expiry_date("20261127") == date(2026, 11, 27)
    with pytest.raises(DataError, match="no date"):
        expiry_date("2026Nov")
