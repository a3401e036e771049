"""The protocol's names in plain words: each that there is has some."""

from typing import get_args

import pytest

from alluse_assets.accounts.states import HOLD_RULES, AccountStatus, allows_rolls
from alluse_assets.base.config.model_protection import Action
from alluse_assets.execution.approval_table import STATES
from alluse_assets.protection.circuit_breakers import Tier
from alluse_assets.protection.tables import ROLLS, STOPS
from alluse_assets.strategies.candidates import Refusal
from analytics_app.asked_figures import STATE_TEXT
from analytics_app.protocol_words import (
    ACTION_TEXT,
    CAUSE_TEXT,
    LIFT_TEXT,
    ROLL_TEXT,
    STOP_TEXT,
    TIER_TEXT,
    contract_text,
    name_of,
    order_text,
    script_text,
    words,
)


def test_every_action_stop_tier_and_state_has_words():
    assert set(ACTION_TEXT) == set(get_args(Action))
    assert set(STOP_TEXT) == set(STOPS)
    assert len(TIER_TEXT) == len(Tier)
    assert set(STATE_TEXT) == set(STATES)
    causes = next(column.allowed for column in ROLLS.columns if column.name == "cause")
    assert set(CAUSE_TEXT) == set(causes)
    assert set(LIFT_TEXT) == set().union(*(rule.lifted_by for rule in HOLD_RULES.values()))


def test_every_reason_of_a_roll_that_was_not_made_has_words():
    own = {"none_passed", "no_lower_strike", "no_shares", "too_dear", "debit_in_safe"}
    states = {f"account_{status.lower()}" for status in AccountStatus if not allows_rolls(status)}
    reasons = {reason.value for reason in Refusal} | own | states | {"trading_ended", "nothing_offered"}
    assert set(ROLL_TEXT) >= reasons


@pytest.mark.parametrize(
    ("instrument", "said"),
    [
        ("AAPL110114P00345000", "AAPL 345 put, 2011-01-14"),
        ("BBB110211C00060250", "BBB 60.25 call, 2011-02-11"),
        ("AAPL", "AAPL"),
    ],
)
def test_a_contract_is_said_as_a_trader_says_it(instrument, said):
    assert contract_text(instrument) == said


def order(**given):
    known = {"for": "roll", "action": "BUY_TO_CLOSE", "instrument": "AAPL110114P00345000", "quantity": 2}
    return {**known, "limit_price": None, **given}


def test_an_order_without_a_quote_or_a_target_says_so():
    assert order_text(order(limit_price="1.20")) == "buy to close 2 × AAPL 345 put, 2011-01-14 at 1.20 USD"
    assert order_text(order()).endswith("at a price still to be quoted")
    said = order_text(order(why_not="no_lower_strike"))
    assert said.endswith("no target, no strike at or under its own is listed: a put is never rolled up")


def test_a_script_is_a_line_and_an_empty_one_is_nothing():
    assert script_text("[]") == ""
    legs = (
        '[{"action":"BUY_TO_CLOSE","instrument":"AAPL","limit_price":"1","quantity":1},'
        '{"action":"SELL_TO_OPEN","instrument":"MSFT","limit_price":"2","quantity":1}]'
    )
    assert script_text(legs) == "buy to close 1 × AAPL at 1 USD, then sell to open 1 × MSFT at 2 USD"


def test_names_without_words_are_shown_as_they_are():
    assert words(["close", "a_new_one"], ACTION_TEXT) == "to be closed, a new one"
    assert [name_of(actor) for actor in ("person:Ann", "rule:open_put", None)] == ["Ann", "rule open put", ""]
