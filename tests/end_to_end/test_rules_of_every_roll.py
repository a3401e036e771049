"""Reads the journal of the two-year sample and checks protection against the protocol's numbers, one by one.

Nothing here uses the product's levels, rolls or fold: payloads of events, raw quotes, and sums.
"""

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal

import pytest

from tests.end_to_end.conftest import CONFIG


def strike(contract):
    return Decimal(int(contract[-8:])) / 1000


def expiry(contract):
    digits = contract[-15:-9]
    return date(2000 + int(digits[:2]), int(digits[2:4]), int(digits[4:]))


def monday(day):
    return day - timedelta(days=day.weekday())


@pytest.fixture(scope="module")
def rolls(sample_run):
    """Decisions that led to orders."""
    found = [
        e.payload for e in sample_run.events if e.type == "roll.decided" and e.payload["outcome"] == "order"
    ]
    assert found
    return found


def test_every_level_is_the_adverse_move_in_atrs_of_the_first_entry_with_its_hysteresis(sample_run):
    anchors, changes = {}, 0
    for event in sample_run.events:
        p = event.payload
        if event.type == "order.filled" and p["action"] == "SELL_TO_OPEN":
            chain = p["chain"]
            anchor = (Decimal(chain["anchor_price"]), Decimal(chain["anchor_atr"]))
            assert anchors.setdefault(chain["id"], anchor) == anchor  # a roll keeps the first entry's
        if event.type != "protection.level_changed":
            continue
        price, atr = anchors[p["chain"]]
        move = (price - Decimal(p["price"])) / atr
        assert abs(move - Decimal(p["multiple"])) < Decimal("0.0001")
        reached = sum(move >= edge for edge in (1, 2, 3))
        if p["level_to"] > p["level_from"]:
            assert p["level_to"] == reached
        else:
            kept = sum(move > Decimal(edge) - Decimal("0.25") for edge in range(1, p["level_from"] + 1))
            assert p["level_to"] == max(reached, kept)
        changes += 1
    assert changes > 50


def test_a_put_is_never_rolled_up_and_a_call_never_to_another_side(rolls):
    for roll in rolls:
        assert roll["to"][-9] == roll["contract"][-9] == roll["right"]
        if roll["right"] == "P":
            assert strike(roll["to"]) <= strike(roll["contract"])


def test_rolls_happen_at_level_2_one_or_two_weeks_out(rolls):
    for roll in rolls:
        assert roll["cause"] == "dividend_risk" or roll["level"] == 2
        weeks = (monday(expiry(roll["to"])) - monday(expiry(roll["contract"]))).days // 7
        assert weeks in (1, 2)


def test_a_roll_costs_at_most_half_of_what_its_chain_has_brought(sample_run):
    """Premiums less what buying back for rolls cost, from the fills alone."""
    credit, contracts, judged = defaultdict(Decimal), defaultdict(int), 0
    for event in sample_run.events:
        p = event.payload
        if event.type == "roll.decided" and p["outcome"] == "order":
            debit = -Decimal(p["net"]) * 100 * p["contracts"]
            share = Decimal(p["contracts"]) / contracts[p["chain"]]
            assert debit <= credit[p["chain"]] * share / 2 + Decimal("0.01"), p
            judged += 1
        elif event.type == "order.filled" and p["chain"]:
            chain, amount = p["chain"]["id"], Decimal(p["amount"])
            if p["action"] == "SELL_TO_OPEN":
                credit[chain] += amount
                contracts[chain] += p["quantity"]
            else:
                contracts[chain] -= p["quantity"]
                if p["purpose"] == "roll_close":
                    credit[chain] -= amount
    assert judged


def test_a_call_is_never_rolled_below_the_basis_of_its_shares(sample_run, rolls):
    shares, cost, income = defaultdict(int), defaultdict(Decimal), defaultdict(Decimal)
    for event in sample_run.events:
        p = event.payload
        if event.type == "roll.decided" and p["outcome"] == "order" and p["right"] == "C":
            place = (p["account"], p["symbol"])
            basis = (cost[place] - income[place]) / shares[place]
            assert strike(p["to"]) >= basis.quantize(Decimal("0.000001")), (p, basis)
        held_before = dict(shares)
        for line in event.postings:
            if str(line.ledger_account) == "shares":
                shares[(line.account, line.instrument)] += line.quantity
                cost[(line.account, line.instrument)] += line.amount
        if event.type == "order.filled" and p["instrument"] != p["symbol"] and p["instrument"][-9] == "C":
            sign = 1 if p["action"] == "SELL_TO_OPEN" else -1
            income[(p["account"], p["symbol"])] += sign * Decimal(p["amount"])
        if event.type == "option.assigned" and p["right"] == "C":
            place = (p["account"], p["symbol"])
            income[place] = (income[place] * shares[place] / held_before[place]).quantize(Decimal("0.01"))


def test_nothing_is_opened_in_a_symbol_at_level_2_nor_in_an_account_that_is_not_active(sample_run):
    levels, symbols, status = {}, {}, defaultdict(lambda: "ACTIVE")
    opened = 0
    for event in sample_run.events:
        p = event.payload
        if event.type == "protection.level_changed":
            levels[p["chain"]], symbols[p["chain"]] = p["level_to"], (p["account"], p["symbol"])
        elif event.type in ("account.hold_placed", "account.hold_lifted"):
            status[p["account"]] = p["state_to"]
        elif event.type in ("option.expired", "option.assigned", "option.cash_settled"):
            levels.pop(p["chain"], None)
        elif event.type == "order.filled" and p["action"] == "BUY_TO_CLOSE" and p["purpose"] != "roll_close":
            levels.pop(p["chain"]["id"], None)
        elif event.type == "order.filled" and p["purpose"] in ("open_put", "open_call"):
            place = (p["account"], p["symbol"])
            assert status[p["account"]] == "ACTIVE", p
            assert max([level for chain, level in levels.items() if symbols[chain] == place] or [0]) < 2, p
            opened += 1
    assert opened > 200


def test_what_a_roll_began_is_ended_in_its_session_and_the_numbers_agree(sample_run, rolls):
    filled, ended = defaultdict(lambda: [0, 0]), 0
    for event in sample_run.events:
        p = event.payload
        if event.type == "order.filled" and p["parent"]:
            filled[p["parent"]][p["action"] == "SELL_TO_OPEN"] += p["quantity"]
        elif event.type == "roll.ended":
            closed, opened = filled[p["roll"]]
            assert [p["closed"], p["opened"]] == [closed, opened]
            assert opened <= closed <= p["contracts"]
            state = "UNCHANGED" if not closed else "ROLLED" if opened == closed else "CLOSED_ONLY"
            assert p["state"] == state
            ended += 1
    assert ended == len(rolls)


def test_the_sample_s_configuration_is_the_protocol_s_where_it_protects():
    rules = CONFIG.protection
    assert (rules.level_1_atr, rules.level_2_atr, rules.level_3_atr, rules.hysteresis_atr) == (1, 2, 3, 0.25)
    assert (CONFIG.rolls.at_level, CONFIG.rolls.max_debit_share_of_credit) == (2, 0.5)
