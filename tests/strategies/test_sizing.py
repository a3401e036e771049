"""How many contracts: split, caps, the one contract over them, and volume."""

from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from alluse_assets.strategies.candidates import Candidate
from alluse_assets.strategies.com_acc import shares_to_buy
from alluse_assets.strategies.sizing import contracts_for_puts, limit_by_volume


def candidate(symbol, strike, rank=1, volume=None):
    contract = f"{symbol}110107P{int(Decimal(str(strike)) * 1000):08d}"
    return Candidate(
        contract,
        symbol,
        "P",
        date(2011, 1, 7),
        Decimal(str(strike)),
        Decimal("1"),
        35_000_000,
        10_000,
        rank,
        volume,
    )


def sized(deployable, *candidates, cap=0.5, weights=None, first=True, share=0.1):
    best = {}
    for c in sorted(candidates, key=lambda c: c.rank):
        best.setdefault(c.symbol, c)
    ranked = sorted(candidates, key=lambda c: c.rank)
    return contracts_for_puts(Decimal(deployable), best, ranked, weights, cap, 100, first, share)


def test_cash_is_split_evenly_over_what_passed():
    one, two = candidate("AAPL", 100), candidate("GOOG", 50, 2)
    assert sized(100_000, one, two) == {one.contract: 5, two.contract: 10}


def test_weights_split_it_otherwise():
    one, two = candidate("AAPL", 100), candidate("GOOG", 100, 2)
    assert sized(100_000, one, two, cap=1.0, weights={"AAPL": 3, "GOOG": 1, "MSFT": 9}) == {
        one.contract: 7,
        two.contract: 2,
    }


def test_one_symbol_gets_no_more_than_its_cap():
    one = candidate("AAPL", 100)
    assert sized(100_000, one, cap=0.5) == {one.contract: 5}
    assert sized(100_000, one, cap=0.3) == {one.contract: 3}


def test_the_last_cent_decides():
    one = candidate("AAPL", 100)
    assert sized("10000.00", one, cap=1.0) == {one.contract: 1}
    assert sized("9999.99", one, cap=1.0) == {}


def test_one_contract_of_the_best_that_fits_when_split_and_caps_allow_none():
    dear, fits, also = candidate("GOOG", 600, 1), candidate("AAPL", 300, 2), candidate("IBM", 150, 3)
    assert sized(40_000, dear, fits, also, cap=0.3) == {fits.contract: 1}
    assert sized(40_000, dear, fits, also, cap=0.3, first=False) == {}


def test_the_one_contract_is_only_for_when_nothing_fitted():
    dear, cheap = candidate("GOOG", 600, 1), candidate("MSFT", 25, 2)
    assert sized(70_000, dear, cheap) == {cheap.contract: 14}


def test_an_order_is_no_more_than_its_share_of_the_volume():
    assert sized(100_000, candidate("AAPL", 100, volume=29), cap=1.0) == {"AAPL110107P00100000": 2}
    assert limit_by_volume(7, candidate("AAPL", 100, volume=None), 0.1) == 7


@given(
    st.decimals(0, 10_000_000, places=2),
    st.lists(st.tuples(st.sampled_from("ABCDE"), st.integers(1, 900)), min_size=1, max_size=8),
    st.sampled_from([0.3, 0.5, 1.0]),
    st.booleans(),
)
def test_sizes_never_take_more_than_there_is_nor_more_than_the_cap(deployable, rows, cap, first):
    candidates = [candidate(symbol, strike, rank) for rank, (symbol, strike) in enumerate(rows, 1)]
    strikes = {c.contract: c.strike for c in candidates}
    sizes = sized(deployable, *candidates, cap=cap, first=first)
    money = {contract: strikes[contract] * 100 * count for contract, count in sizes.items()}
    assert sum(money.values()) <= deployable
    limit = deployable * Decimal(str(cap))
    assert all(count > 0 for count in sizes.values())
    assert all(spent <= limit for spent in money.values()) or list(sizes.values()) == [1]


def test_the_first_purchase_takes_lots_where_one_fits_and_shares_where_not():
    prices = {"AAPL": Decimal(330), "MSFT": Decimal(28), "GOOG": Decimal(604)}
    assert shares_to_buy(Decimal(150_000), prices, None, 100, Decimal(0)) == {
        "AAPL": 100,
        "MSFT": 1700,
        "GOOG": 82,
    }


@given(st.decimals(0, 1_000_000, places=2), st.lists(st.integers(1, 700), min_size=1, max_size=6))
def test_the_first_purchase_never_costs_more_than_the_money(money, closes):
    prices = {f"T{k}": Decimal(close) for k, close in enumerate(closes)}
    bought = shares_to_buy(money, prices, None, 100, Decimal("0.01"))
    assert sum(prices[t] * n + Decimal("0.01") * n for t, n in bought.items()) <= money
    assert all(n < 100 or n % 100 == 0 for n in bought.values())
