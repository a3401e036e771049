"""Rolls: out one to two weeks, to the middle of the band, for a credit or a bounded debit (section 4).

A put is never rolled up, a call never below the adjusted basis (but into recovery, where the account allows
it). A roll is an exit: exempt from window, days to expiry, floor and level. What is due and not made has
its reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import polars as pl

from alluse_assets.accounts.states import AccountStatus, allows_rolls, status_of
from alluse_assets.base.events import Event, Json
from alluse_assets.base.money import extended, text
from alluse_assets.execution.order import Action, OrderIntent
from alluse_assets.journal.event_types import EventType
from alluse_assets.ledger.account_state import ShortOption
from alluse_assets.protection.levels import actions_at
from alluse_assets.protection.state import Chain
from alluse_assets.strategies.account_step import AccountStep
from alluse_assets.strategies.candidates import Candidate, Refusal
from alluse_assets.strategies.entry import candidates_of, screen
from alluse_assets.strategies.entry_calendar import MICRO, single_entry
from alluse_assets.strategies.exits import buy_back, chain_start, cost_to_close, why_not_closed
from alluse_assets.strategies.sizing import limit_by_volume

_DAYS_A_WEEK = 7


@dataclass(frozen=True, slots=True)
class RollDecision:
    """A roll that is due: the event that says what came of it, and its two legs if it is made."""

    event: Event
    close: OrderIntent | None = None
    open: OrderIntent | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """What to roll into, and how many. ``net``: USD per share, positive when received."""

    candidate: Candidate
    net: Decimal
    contracts: int
    in_recovery: bool = False


@dataclass(frozen=True, slots=True)
class Search:
    """What a search for a target found. ``why_not``: the reason when there is none."""

    target: Target | None
    why_not: str
    considered: int
    refused: Mapping[str, int]


def decide_rolls(step: AccountStep) -> list[RollDecision]:
    """Every roll that is due in an account: what is open at the level of rolls, once per stay at it."""
    if not (step.config.protection.enabled and step.config.rolls.enabled):
        return []
    found = []
    under_way = {roll.decided.payload["chain"] for roll in step.state.rolls.values()}
    for contract, short in step.shorts:
        chain = step.chain_of(short)
        if chain is None or chain.level != step.config.rolls.at_level or contract in chain.rolled_into:
            continue
        if chain.id in under_way:
            continue
        if "roll" in actions_at(step.config.protection, step.kind, chain.right, chain.level):
            found.append(decide_roll(step, contract, short, chain, "level"))
    return found


def decide_roll(
    step: AccountStep, contract: str, short: ShortOption, chain: Chain, cause: str
) -> RollDecision:
    """One roll: into the best target there is, or why not."""
    status = status_of(step.state.protection, step.account.name)
    to_close = cost_to_close(step, contract, short)
    search = Search(None, "", 0, {})
    if not allows_rolls(status):
        outcome = f"account_{status.value.lower()}"
    elif to_close is None:
        outcome = why_not_closed(step, short)
    else:
        search = find_target(step, contract, short, chain, to_close, credit_only=status is AccountStatus.SAFE)
        outcome = "order" if search.target else search.why_not
    key = f"roll/{step.market.session}/{chain.id}/{contract}"
    target = search.target
    legs = _legs(step, contract, short, chain, target, to_close, key) if target and to_close else None
    payload: dict[str, Json] = {
        "session": step.market.session.isoformat(),
        "account": step.account.name,
        "chain": chain.id,
        "symbol": chain.symbol,
        "right": chain.right,
        "contract": contract,
        "cause": cause,
        "level": chain.level,
        "outcome": outcome,
        "contracts": target.contracts if target else short.contracts,
        "left": short.contracts - target.contracts if target else 0,
        "cost_to_close": None if to_close is None else text(to_close),
        "chain_credit": text(chain.credit),
        "considered": search.considered,
        "refused": dict(search.refused),
        "to": target.candidate.contract if target else None,
        "limit_price": text(target.candidate.credit) if target else None,
        "net": text(target.net) if target else None,
        "in_recovery": target.in_recovery if target else False,
        "close_intent": legs[0].intent_id if legs else None,
        "open_intent": legs[1].intent_id if legs else None,
        "state": "ROLLING" if legs else "UNCHANGED",
    }
    at = step.market.now
    event = Event(EventType.ROLL_DECIDED, at, "rule:roll", key, payload)
    return RollDecision(event, *(legs or ()))


def find_target(
    step: AccountStep, contract: str, short: ShortOption, chain: Chain, to_close: Decimal, credit_only: bool
) -> Search:
    """The best contract to roll into: nearest the middle of its band of those that may be paid for.

    Args:
        step: whose market and rules.
        contract: what is open.
        short: the same, with its lots.
        chain: the chain it belongs to.
        to_close: what buying back costs, USD per share.
        credit_only: whether it must bring a net credit, as in SAFE.
    """
    leg = step.rules.puts if chain.right == "P" else step.rules.calls
    search = _search(step, contract, short, chain, to_close, credit_only, leg.delta_low, leg.delta_high)
    recovery = step.rules.recovery_calls
    if search.target is None and chain.right == "C" and recovery.enabled:
        return _search(
            step,
            contract,
            short,
            chain,
            to_close,
            credit_only,
            recovery.delta_low,
            recovery.delta_high,
            in_recovery=True,
        )
    return search


def _search(
    step: AccountStep,
    contract: str,
    short: ShortOption,
    chain: Chain,
    to_close: Decimal,
    credit_only: bool,
    delta_low: float,
    delta_high: float,
    in_recovery: bool = False,
) -> Search:
    rules, config = step.config.rolls, step.config
    expiry = short.contract.expiry
    listed = step.market.chain.filter(
        pl.col("underlying") == chain.symbol,
        pl.col("right") == chain.right,
        pl.col("expiry").is_in(
            _expiries(step.market.chain, expiry, rules.weeks_out_low, rules.weeks_out_high)
        ),
    )
    held = set(step.account.options)
    listed = listed.filter(pl.col("contract_symbol").is_in(sorted(held)).not_())
    basis = step.account.adjusted_basis(chain.symbol)
    if chain.right == "P":
        listed = listed.filter(pl.col("strike") <= float(short.contract.strike))
    elif not in_recovery:
        if basis is None:
            return Search(None, "no_shares", listed.height, {})
        listed = listed.filter(pl.col("strike") >= float(basis))
    if listed.is_empty():
        side = "no_lower_strike" if chain.right == "P" else Refusal.BELOW_ADJUSTED_BASIS.value
        return Search(None, side, 0, {})
    entry = single_entry(step.market.session, step.kind, chain.right, chain.symbol, delta_low, delta_high)
    judged = screen(listed, entry, config, step.market.earnings)
    passed, refused = candidates_of(judged)
    if not passed:
        return Search(None, "none_passed", judged.height, refused)
    limit = Decimal(str(rules.max_debit_share_of_credit)) * chain.credit
    under_basis = 0
    for candidate in passed:
        net = candidate.credit - to_close
        count = limit_by_volume(short.contracts, candidate, config.entry.max_order_share_of_volume)
        units = config.multiplier * count
        if chain.right == "C" and basis is not None and not in_recovery and net < 0:
            # What the roll costs raises the basis: the strike must keep the one that it has then.
            after = basis - net * units / step.account.shares_held(chain.symbol)
            if candidate.strike < after:
                under_basis += 1
                continue
        share = Decimal(count) / chain.contracts
        if net > 0 or (not credit_only and -extended(net, units) <= limit * share):
            return Search(Target(candidate, net, count, in_recovery), "", judged.height, refused)
    if under_basis == len(passed):
        return Search(None, Refusal.BELOW_ADJUSTED_BASIS.value, judged.height, refused)
    return Search(None, "debit_in_safe" if credit_only else "too_dear", judged.height, refused)


def _expiries(chain: pl.DataFrame, current: date, low: int, high: int) -> list[date]:
    """Listed expiries whose week is ``low`` to ``high`` weeks after the current one's."""
    monday = current - timedelta(days=current.weekday())
    weeks = {
        expiry: (expiry - timedelta(days=expiry.weekday()) - monday).days // _DAYS_A_WEEK
        for expiry in chain["expiry"].unique()
    }
    return sorted(expiry for expiry, out in weeks.items() if low <= out <= high)


def _legs(
    step: AccountStep,
    contract: str,
    short: ShortOption,
    chain: Chain,
    target: Target,
    to_close: Decimal,
    key: str,
) -> tuple[OrderIntent, OrderIntent]:
    chosen, count = target.candidate, target.contracts
    close = buy_back(step, contract, short, to_close, "roll_close", key, quantity=count, parent=key)
    opened = OrderIntent(
        account=step.account.name,
        instrument=chosen.contract,
        symbol=chain.symbol,
        action=Action.SELL_TO_OPEN,
        quantity=count,
        limit_price=chosen.credit,
        purpose="roll_open",
        session=step.market.session,
        decided_at=step.market.now,
        cause=key,
        config_fingerprint=step.state.config_fingerprint,
        evidence={
            "delta_points": f"{Decimal(chosen.delta_micro) / MICRO:f}",
            "premium_yield_ppm": chosen.yield_ppm,
            "net": text(target.net),
            "in_recovery": target.in_recovery,
        },
        chain=chain_start(chain),
        parent=key,
    )
    return close, opened
