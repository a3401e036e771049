"""FIFO lots never create or lose a cent or a unit."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alluse_assets.base.errors import LedgerError
from alluse_assets.ledger.lots import Lot, cost, quantity, take

DAY = date(2011, 1, 3)
LOTS = (Lot(100, Decimal("1000.00"), DAY), Lot(50, Decimal("700.01"), date(2011, 1, 4)))

lots = st.lists(
    st.builds(Lot, st.integers(1, 500), st.decimals(0, 10**6, places=2), st.just(DAY)), min_size=1, max_size=6
).map(tuple)


def test_the_oldest_leave_first():
    taken, rest = take(LOTS, 120)
    assert [(lot.quantity, lot.cost) for lot in taken.parts] == [
        (100, Decimal("1000.00")),
        (20, Decimal("280.00")),
    ]
    assert [(lot.quantity, lot.cost) for lot in rest] == [(30, Decimal("420.01"))]


@pytest.mark.parametrize("units", [0, -1, 151])
def test_what_is_not_there_cannot_be_taken(units):
    with pytest.raises(LedgerError, match=f"cannot take {units} of 150 units"):
        take(LOTS, units)


@given(lots, st.data())
def test_taken_and_rest_add_up_whatever_is_taken(given_lots, data):
    units = data.draw(st.integers(1, quantity(given_lots)))
    taken, rest = take(given_lots, units)
    assert quantity(taken.parts) == units
    assert quantity(taken.parts) + quantity(rest) == quantity(given_lots)
    assert taken.cost + cost(rest) == cost(given_lots)
    assert all(lot.quantity > 0 for lot in (*taken.parts, *rest))


@given(lots, st.data())
def test_taking_in_two_steps_leaves_the_units_of_taking_at_once(given_lots, data):
    total = quantity(given_lots)
    first = data.draw(st.integers(1, total))
    _, rest = take(given_lots, first)
    if first < total:
        second = data.draw(st.integers(1, total - first))
        one, left = take(rest, second)
        assert quantity(left) == total - first - second
        assert one.cost + cost(left) == cost(rest)
