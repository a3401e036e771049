"""Protocol, section 5, row by row: which type a week is, edges included."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alluse_assets.base.config.model_market import WeekTypeRules
from alluse_assets.weeks.week_types import (
    WEEK_TYPE_TEXT,
    CallEnd,
    CallLeg,
    PutEnd,
    PutLeg,
    WeekFacts,
    WeekType,
    classify,
)

RULES = WeekTypeRules()
ENDED_AT_A_LOSS = (PutEnd.ASSIGNED, PutEnd.CASH_SETTLED, PutEnd.BOUGHT_BACK_AT_A_LOSS)


def d(value):
    return None if value is None else Decimal(str(value))


def put(end, strike=100, lowest=None):
    return PutLeg(d(strike), end, d(lowest))


def call(end, strike=100, basis=None, recovery=False):
    return CallLeg(d(strike), end, recovery, d(basis))


def week(last=100, puts=(), calls=(), held=False, basis=None):
    return classify(WeekFacts(d(last), tuple(puts), tuple(calls), held, d(basis)), RULES)


def kind(**facts):
    return week(**facts).week_type.value


@pytest.mark.parametrize(
    ("lowest", "expected"), [(84.9999, "P-DD"), (85, "P-EW"), (100, "P-EW"), (None, "P-EW")]
)
def test_p_dd_needs_a_close_more_than_15_percent_under_the_strike(lowest, expected):
    assert kind(last=101, puts=[put(PutEnd.EXPIRED, lowest=lowest)]) == expected


@pytest.mark.parametrize("end", list(PutEnd))
def test_p_dd_comes_before_however_the_put_ended(end):
    assert kind(last=80, puts=[put(end, lowest=80)]) == "P-DD"


def test_p_ro_when_a_put_was_rolled_comes_before_an_assignment():
    assert kind(last=90, puts=[put(PutEnd.ROLLED), put(PutEnd.ASSIGNED)]) == "P-RO"


@pytest.mark.parametrize("end", ENDED_AT_A_LOSS)
@pytest.mark.parametrize(
    ("last", "expected"), [(94.99, "P-AOL"), (95, "P-AWL"), (99, "P-AWL"), (103, "P-AWL"), (None, "P-AWL")]
)
def test_p_aol_and_p_awl_part_at_5_percent_under_the_strike(end, last, expected):
    assert kind(last=last, puts=[put(end)], held=end is PutEnd.ASSIGNED, basis=99) == expected


@pytest.mark.parametrize(
    ("last", "expected"),
    [(89.99, "C-REC"), (90, "C-RO"), (94.99, "C-RO"), (95, "C-PNO"), (100, "C-PNO"), (150, "C-PNO")],
)
def test_held_shares_are_c_rec_c_ro_or_c_pno_by_their_distance_to_the_adjusted_basis(last, expected):
    assert kind(last=last, held=True, basis=100) == expected
    assert kind(last=last, held=True, basis=100, calls=[call(CallEnd.EXPIRED)]) == expected


def test_a_call_sold_in_recovery_is_c_rec_and_a_rolled_one_c_ro_wherever_the_price_is():
    assert kind(last=100, held=True, basis=100, calls=[call(CallEnd.OPEN, recovery=True)]) == "C-REC"
    assert kind(last=100, held=True, basis=100, calls=[call(CallEnd.ROLLED)]) == "C-RO"


@pytest.mark.parametrize(
    ("last", "expected"), [(105.01, "C-WAP+"), (105, "C-WAP"), (96, "C-WAP"), (None, "C-WAP")]
)
def test_shares_called_away_are_c_wap_and_over_5_percent_c_wap_plus(last, expected):
    assert kind(last=last, held=True, calls=[call(CallEnd.CALLED_AWAY, basis=100)]) == expected


def test_a_call_away_under_the_basis_is_still_judged_by_the_rows_before_it():
    facts = {"held": True, "basis": 100, "calls": [call(CallEnd.CALLED_AWAY, basis=100)]}
    assert kind(last=89, **facts) == "C-REC"
    assert kind(last=92, **facts) == "C-RO"


def test_shares_whose_basis_call_income_has_paid_for_are_in_no_loss():
    """A negative basis gave a distance of minus 2,100 per cent, which was taken for a deep loss."""
    assert kind(last=100, held=True, basis=-5) == "C-PNO"
    assert kind(last=100, held=True, basis=0) == "C-PNO"
    assert kind(last=100, held=True, calls=[call(CallEnd.CALLED_AWAY, basis=0)]) == "C-WAP+"
    assert kind(last=100, held=True, basis=90, calls=[call(CallEnd.CALLED_AWAY, basis=-1)]) == "C-WAP+"


@pytest.mark.parametrize("end", [CallEnd.EXPIRED, CallEnd.BOUGHT_BACK, CallEnd.CASH_SETTLED, CallEnd.OPEN])
def test_c_pno_when_a_call_ended_without_a_call_away(end):
    assert kind(calls=[call(end)]) == "C-PNO"


@pytest.mark.parametrize("end", [PutEnd.EXPIRED, PutEnd.BOUGHT_BACK_AT_NO_LOSS, PutEnd.OPEN])
def test_p_ew_when_a_put_expired_was_bought_back_at_no_loss_or_stayed_open(end):
    assert kind(last=80, puts=[put(end)]) == "P-EW"


def test_c_pno_comes_before_p_ew():
    assert kind(held=True, basis=100, puts=[put(PutEnd.EXPIRED)]) == "C-PNO"


def test_w_idl_without_options_and_shares():
    assert kind() == "W-IDL"
    assert kind(last=None, basis=100) == "W-IDL"


def test_the_types_of_all_legs_are_kept_beside_the_weeks_in_the_tables_order():
    found = week(
        last=94,
        puts=[put(PutEnd.EXPIRED, strike=90), put(PutEnd.ASSIGNED)],
        calls=[call(CallEnd.CALLED_AWAY, strike=85, basis=80)],
        held=True,
        basis=99,
    )
    assert found.week_type is WeekType.ASSIGNED_OVER_LIMIT
    assert [leg.value for leg in found.legs] == ["P-AOL", "C-RO", "C-WAP+", "C-PNO", "P-EW"]


def test_every_type_is_explained():
    assert set(WEEK_TYPE_TEXT) == set(WeekType)


PRICES = st.none() | st.decimals("0.01", "5000", places=4)
BASES = st.none() | st.decimals("-500", "5000", places=4)
STRIKES = st.decimals("0.5", "5000", places=2)


@given(
    st.builds(
        WeekFacts,
        PRICES,
        st.lists(st.builds(PutLeg, STRIKES, st.sampled_from(PutEnd), PRICES), max_size=4).map(tuple),
        st.lists(st.builds(CallLeg, STRIKES, st.sampled_from(CallEnd), st.booleans(), BASES), max_size=4).map(
            tuple
        ),
        st.booleans(),
        BASES,
    )
)
def test_every_combination_of_facts_has_exactly_one_type(facts):
    found = classify(facts, RULES)
    assert found.week_type is found.legs[0]
    assert list(found.legs) == [kind for kind in WeekType if kind in found.legs]
    assert (found.week_type is WeekType.IDLE) == (not (facts.puts or facts.calls or facts.held_shares))
    assert WeekType.IDLE not in found.legs[1:]
