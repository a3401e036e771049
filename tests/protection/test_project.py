"""The tables of protection say what the journal says: levels at each close, states, rolls."""

from datetime import UTC, datetime
from decimal import Decimal

from alluse_assets.base.events import Event
from alluse_assets.journal.event_types import EventType
from alluse_assets.ledger.project import book_at_closes
from alluse_assets.protection.project import (
    project_account_states,
    project_chain_contracts,
    project_protection_levels,
    project_rolls,
)
from alluse_assets.protection.tables import ACCOUNT_STATES, CHAIN_CONTRACTS, PROTECTION_LEVELS, ROLLS
from tests.strategies.mini_market import MiniMarket, config, contract, days

MON, TUE, WED, THU, FRI = days(5)
P100 = contract(100)


def falling(**changes):
    """REV-1 sells a put at 100 with an ATR of 5; then the share falls to level 2 and to level 3."""
    market = MiniMarket(config(**changes))
    market.step(MON, 100, {P100: ("1.50", "1.60")}, {("rev", "P"): [P100]})
    market.step(TUE, 90, {P100: ("10.10", "10.30")})
    market.step(WED, 84, {P100: ("16.10", "16.30")})
    return market


def test_levels_are_those_of_each_close_with_what_they_count_from():
    rows = project_protection_levels(book_at_closes(falling().events))
    assert rows.schema == PROTECTION_LEVELS.schema
    assert rows.select("session", "level", "multiple", "close").rows() == [
        (MON, 0, 0.0, 100.0),
        (TUE, 2, 2.0, 90.0),
        (WED, 3, 3.2, 84.0),
    ]
    assert set(rows.select("account", "anchor_price", "anchor_atr", "contracts").rows()) == {
        ("REV-1", 100.0, 5.0, 8)
    }
    assert rows["credit"][0] == Decimal("1200.00")


def test_what_is_open_of_a_chain_is_named():
    market = falling()
    rows = project_chain_contracts(book_at_closes(market.events))
    assert CHAIN_CONTRACTS.conform(rows).equals(rows)
    (chain,) = set(project_protection_levels(book_at_closes(market.events))["chain"])
    assert rows.rows() == [(day, "REV-1", P100, chain, 8) for day in (MON, TUE, WED)]


def test_an_account_at_level_3_is_safe_and_says_by_what_it_is_held():
    rows = project_account_states(book_at_closes(falling().events))
    assert rows.schema == ACCOUNT_STATES.schema
    last = {name: (state, holds) for name, state, holds in rows.select("account", "state", "holds").rows()}
    assert last["REV-1"] == ("SAFE", ["level_3:AAPL"])
    assert last["GEN-1"] == ("ACTIVE", [])


def test_a_roll_that_was_due_and_not_made_has_its_reason():
    rows = project_rolls(falling().events)
    assert rows.schema == ROLLS.schema
    assert rows.select("session", "contract", "outcome", "state", "to").rows() == [
        (TUE, P100, "no_lower_strike", "UNCHANGED", None)
    ]


def test_a_roll_that_was_decided_and_not_placed_says_why():
    fields = {
        "account": "REV-1", "contract": P100, "chain": "c", "symbol": "AAPL", "right": "P", "cause": "level",
        "session": TUE.isoformat(), "outcome": "order", "state": "ROLLING", "contracts": 1, "to": "P",
        "net": "0.90", "cost_to_close": "2.10", "chain_credit": "150.00", "refused": {},
    }  # fmt: skip
    at = datetime(2011, 1, 11, 15, 30, tzinfo=UTC)
    decided = Event(EventType.ROLL_DECIDED, at, "rule:roll", "roll/1", fields)
    end = {"roll": "roll/1", "state": "UNCHANGED", "why": "DENIED: approval@1: Ann said no"}
    ended = Event(EventType.ROLL_ENDED, at, "rule:roll", "roll/1/ended", end)
    assert project_rolls([decided]).select("state", "why").rows() == [("ROLLING", None)]
    assert project_rolls([decided, ended]).select("state", "why").rows() == [("UNCHANGED", end["why"])]


def test_with_protection_off_there_are_no_levels():
    market = falling(protection__enabled=False)
    assert {e.type for e in market.events}.isdisjoint({"protection.level_changed", "roll.decided"})
    assert project_account_states(book_at_closes(market.events))["state"].unique().to_list() == ["ACTIVE"]
