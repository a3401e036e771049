from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alluse_assets.base.errors import DataError
from alluse_assets.market_data.source import ChainScope
from alluse_assets.option_chains.chain_scope import select_contracts, select_expiries

SESSION = date(2024, 3, 4)


def listing(days: list[int], strikes: list[float]) -> pl.DataFrame:
    rows = [
        (SESSION + timedelta(days=n), right, strike, f"{n}{right}{strike}")
        for n in days
        for strike in strikes
        for right in ("P", "C")
    ]
    schema = {"expiry": pl.Date, "right": pl.String, "strike": pl.Float64, "name": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


def test_near_expiries_come_up_to_the_last_day_and_leaps_by_the_nearest() -> None:
    listed = [SESSION + timedelta(days=n) for n in (-1, 0, 30, 31, 350, 375, 700)]
    chosen = select_expiries(listed, SESSION, ChainScope(near_days=30, leaps_days=(365, 548)))
    assert [(day - SESSION).days for day in chosen] == [0, 30, 375, 700]


def test_of_two_leaps_that_are_equally_near_the_earlier_comes() -> None:
    listed = [SESSION + timedelta(days=n) for n in (360, 370)]
    chosen = select_expiries(listed, SESSION, ChainScope(leaps_days=(365,)))
    assert [(day - SESSION).days for day in chosen] == [360]


def test_an_empty_listing_gives_nothing() -> None:
    assert select_expiries([], SESSION, ChainScope(leaps_days=(365,))) == []
    assert select_contracts(listing([], []), 100.0, SESSION, ChainScope(strikes_each_side=2)).is_empty()


def test_strikes_are_counted_on_each_side_of_the_spot_and_bring_both_rights() -> None:
    chosen = select_contracts(
        listing([5], [90, 95, 100, 105, 110]), 101.0, SESSION, ChainScope(strikes_each_side=1)
    )
    assert chosen["name"].to_list() == ["5P100", "5C100", "5P105", "5C105"]


def test_the_strike_at_the_spot_comes_beside_those_of_each_side() -> None:
    chosen = select_contracts(
        listing([5], [90, 95, 100, 105, 110]), 100.0, SESSION, ChainScope(strikes_each_side=1)
    )
    assert chosen["strike"].unique().sort().to_list() == [95, 100, 105]


def test_each_expiry_counts_the_strikes_it_lists_itself() -> None:
    both = pl.concat([listing([5], [99, 100.5]), listing([12], [50, 150, 200])])
    chosen = select_contracts(both, 100.0, SESSION, ChainScope(strikes_each_side=1))
    assert chosen.filter(right="P")["strike"].to_list() == [99, 100.5, 50, 150]


@pytest.mark.parametrize("spot", [0.0, -1.0, float("nan"), float("inf")])
def test_a_spot_that_is_no_price_is_refused_where_strikes_are_counted(spot: float) -> None:
    contracts = listing([5], [100])
    assert select_contracts(contracts, spot, SESSION, ChainScope()).height == 2
    with pytest.raises(DataError, match="spot"):
        select_contracts(contracts, spot, SESSION, ChainScope(strikes_each_side=1))


@given(
    days=st.lists(st.integers(-3, 900), max_size=8, unique=True),
    strikes=st.lists(st.integers(1, 400).map(lambda n: n / 2), max_size=20, unique=True),
    spot=st.integers(1, 400).map(lambda n: n / 2),
    each_side=st.integers(1, 6),
    near_days=st.integers(0, 60),
    leaps_days=st.lists(st.integers(100, 800), max_size=3).map(tuple),
)
def test_what_is_chosen_is_nearer_than_what_is_left(
    days: list[int],
    strikes: list[float],
    spot: float,
    each_side: int,
    near_days: int,
    leaps_days: tuple[int, ...],
) -> None:
    contracts = listing(days, strikes)
    scope = ChainScope(near_days, each_side, leaps_days)
    chosen = select_contracts(contracts, spot, SESSION, scope)
    assert set(chosen["expiry"]) == (
        set(select_expiries(contracts["expiry"], SESSION, scope)) if strikes else set()
    )
    for expiry in chosen["expiry"].unique():
        taken = set(chosen.filter(expiry=expiry)["strike"])
        left = set(contracts.filter(expiry=expiry)["strike"]) - taken
        for side in (1, -1):
            near = sorted(side * (k - spot) for k in taken if side * (k - spot) > 0)
            far = sorted(side * (k - spot) for k in left if side * (k - spot) > 0)
            assert len(near) <= each_side
            assert not far or (len(near) == each_side and near[-1] < far[0])
        assert chosen.filter(expiry=expiry).height == 2 * len(taken)
