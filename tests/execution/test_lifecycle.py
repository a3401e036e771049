"""The order table: every pair of state and step is decided, as the execution specification says."""

import itertools

import pytest

from alluse_assets.base.errors import OrderError
from alluse_assets.execution.lifecycle import TERMINAL, TRANSITIONS, OrderState, OrderStep, advance

# The specification's table, state by state, written out anew.
SPECIFIED = {
    "CREATED": {"DENIED", "PENDING_APPROVAL", "APPROVED"},
    "PENDING_APPROVAL": {"APPROVED", "DENIED", "EXPIRED"},
    "APPROVED": {"SUBMITTING", "DENIED", "EXPIRED"},
    "SUBMITTING": {"ACCEPTED", "PARTIALLY_FILLED", "FILLED", "REJECTED", "UNKNOWN"},
    "ACCEPTED": {
        "PARTIALLY_FILLED", "FILLED", "PENDING_CANCEL", "PENDING_REPLACE", "CANCELED", "EXPIRED", "REJECTED",
        "UNKNOWN",
    },
    "PENDING_CANCEL": {
        "ACCEPTED", "PARTIALLY_FILLED", "FILLED", "CANCELED", "REPLACED", "EXPIRED", "UNKNOWN",
    },
}  # fmt: skip
SPECIFIED["PARTIALLY_FILLED"] = SPECIFIED["ACCEPTED"]
SPECIFIED["PENDING_REPLACE"] = SPECIFIED["PENDING_CANCEL"]


@pytest.mark.parametrize("state", SPECIFIED)
def test_a_state_leads_exactly_where_the_specification_says(state):
    reached = {after.value for (before, _), after in TRANSITIONS.items() if before.value == state}
    assert reached == SPECIFIED[state]


def test_terminal_states_lead_nowhere_and_all_others_lead_somewhere():
    leaving = {before for before, _ in TRANSITIONS}
    assert leaving.isdisjoint(TERMINAL)
    assert leaving | TERMINAL == set(OrderState)


def test_every_pair_is_a_transition_or_an_error_that_names_both():
    for state, step in itertools.product(OrderState, OrderStep):
        if (state, step) in TRANSITIONS:
            assert advance(state, step) is TRANSITIONS[(state, step)]
        else:
            with pytest.raises(OrderError, match=rf"order x: {state} has no step <OrderStep.{step.name}"):
                advance(state, step, "x")


def test_unknown_is_left_only_by_what_the_broker_says():
    steps = {step for state, step in TRANSITIONS if state is OrderState.UNKNOWN}
    assert steps == {
        OrderStep.ACCEPT, OrderStep.FILL_PART, OrderStep.FILL, OrderStep.CANCEL, OrderStep.REPLACE,
        OrderStep.EXPIRE, OrderStep.REJECT,
    }  # fmt: skip


def test_every_state_can_be_reached():
    reached, frontier = {OrderState.CREATED}, [OrderState.CREATED]
    while frontier:
        state = frontier.pop()
        for (before, _), after in TRANSITIONS.items():
            if before is state and after not in reached:
                reached.add(after)
                frontier.append(after)
    assert reached == set(OrderState)
