"""What one account opens at a step: covered calls first, then cash-secured puts.

Each (account, ticker, right) that has candidates or shares gets one ``entry.decided`` event that says
how many contracts were looked at, what refused them, and what was chosen or why nothing was. At most one
new entry per account, ticker and week. Where the premium floor alone is in the way, a person is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal

import polars as pl

from alluse_assets.base.events import Event, Json
from alluse_assets.base.money import text
from alluse_assets.execution.order import Action, ChainStart, OrderIntent
from alluse_assets.journal.event_types import EventType
from alluse_assets.ledger.lots import quantity
from alluse_assets.protection.entry_limits import (
    EntryLimit,
)
from alluse_assets.strategies.account_step import AccountStep, entry_purpose
from alluse_assets.strategies.candidates import Candidate, Refusal, Screened
from alluse_assets.strategies.entry import candidates_of, screen
from alluse_assets.strategies.entry_calendar import MICRO, single_entry
from alluse_assets.strategies.sizing import contracts_for_puts, limit_by_volume

ASKED_UNDER_FLOOR = "asked_under_floor"
"""Outcome: nothing passed, and a person is asked about the best of what the floor alone refused."""


@dataclass(frozen=True, slots=True)
class EntryDecision:
    """The event to record, and the order it leads to, if any."""

    event: Event
    intent: OrderIntent | None


def decide_calls(step: AccountStep) -> list[EntryDecision]:
    """Covered calls on every ticker whose shares no call binds yet, strike not under the adjusted basis."""
    decisions = []
    for symbol in sorted(step.account.shares):
        screened = step.screened("C", symbol)
        if screened is None:
            continue
        limit = step.limit(symbol, "C")
        contracts = _scaled(_uncovered_shares(step, symbol) // step.config.multiplier, limit.size_share)
        if blocked := _blocked(step, symbol, "C", limit):
            decisions.append(_decision(step, "C", symbol, screened, blocked))
        elif not contracts:
            decisions.append(_decision(step, "C", symbol, screened, "no_uncovered_lot"))
        else:
            decisions.append(_call_decision(step, symbol, screened, contracts))
    return decisions


def _call_decision(step: AccountStep, symbol: str, screened: Screened, contracts: int) -> EntryDecision:
    """The best call whose strike is not under the basis; else one of recovery, where that is on."""
    basis = step.account.adjusted_basis(symbol)
    under = {c.contract for c in screened.passed if basis is not None and c.strike < basis}
    notes = dict.fromkeys(under, Refusal.BELOW_ADJUSTED_BASIS) | _already_short(step, screened)
    among = screened.passed or step.asked_under_floor(screened, symbol, "C")
    chosen = next(
        (c for c in among if c.contract not in notes and (basis is None or c.strike >= basis)), None
    )
    recovering = None
    in_band = (*screened.passed, *screened.floor_only)
    has_one = any(basis is None or c.strike >= basis for c in in_band)
    if chosen is None and not has_one and step.rules.recovery_calls.enabled:
        # Under the basis only where the band has none over it, whatever else keeps those out.
        chosen = recovering = _recovery_call(step, symbol)
    most = step.config.entry.max_order_share_of_volume
    count = limit_by_volume(contracts, chosen, most) if chosen else 0
    facts: dict[str, Json] = {
        "adjusted_basis": None if basis is None else f"{basis:.4f}",
        "in_recovery": recovering is not None,
    }
    return _decision(step, "C", symbol, screened, None, chosen, count, notes, facts)


def _recovery_call(step: AccountStep, symbol: str) -> Candidate | None:
    """The best call of the recovery band that the leg's expiries and floor leave (C-REC)."""
    recovery, leg = step.rules.recovery_calls, step.rules.calls
    listed = step.market.chain.filter(
        pl.col("underlying") == symbol,
        pl.col("right") == "C",
        pl.col("dte_days").is_between(leg.dte_low, leg.dte_high),
        pl.col("contract_symbol").is_in(sorted(step.account.options)).not_(),
    )
    if leg.to_week_last_expiry:
        listed = listed.filter(pl.col("expiry") == step.market.week.last)
    if listed.is_empty():
        return None
    entry = single_entry(
        step.market.session,
        step.kind,
        "C",
        symbol,
        recovery.delta_low,
        recovery.delta_high,
        leg.min_premium_yield,
    )
    passed, _ = candidates_of(screen(listed, entry, step.config, step.market.earnings))
    return passed[0] if passed else None


def decide_puts(step: AccountStep) -> list[EntryDecision]:
    """Cash-secured puts over the tickers that passed, sized together from the same deployable cash."""
    rules, free = step.rules, step.deployable
    facts: dict[str, Json] = {"nav": text(step.nav), "deployable": text(free)}
    blocked: dict[str, str] = {}
    open_to_entry: dict[str, Screened] = {}
    limits: dict[str, EntryLimit] = {}
    for symbol in rules.tickers:
        screened = step.screened("P", symbol)
        if screened is None:
            continue
        limit = limits[symbol] = step.limit(symbol, "P")
        if why := _blocked(step, symbol, "P", limit):
            blocked[symbol] = why
        elif not rules.puts_while_shares_held and step.account.shares_held(symbol):
            # Assigned shares put the ticker on the call side until they are called away.
            blocked[symbol] = "on_call_side"
        elif rules.put_free_cash_share and free <= Decimal(str(rules.put_free_cash_share)) * step.nav:
            blocked[symbol] = "free_cash_low"
        else:
            open_to_entry[symbol] = screened
    held = step.account.options
    able = {s: tuple(c for c in one.passed if c.contract not in held) for s, one in open_to_entry.items()}
    passed = {symbol: candidates for symbol, candidates in able.items() if candidates}
    shares = {symbol: limit.size_share for symbol, limit in limits.items()}
    sizes = _sizes(step, free, passed, step.config.entry.first_contract_over_cap, shares)
    # What a person is asked about gets what the others leave, and is no first contract beside others.
    asked = {
        symbol: found
        for symbol, s in open_to_entry.items()
        if (found := step.asked_under_floor(s, symbol, "P"))
    }
    bound = sum(
        (c.strike * step.config.multiplier * sizes.get(c.contract, 0) for cs in passed.values() for c in cs),
        Decimal(0),
    )
    sizes |= _sizes(
        step, free - bound, asked, step.config.entry.first_contract_over_cap and not sizes, shares
    )
    candidates = passed | asked
    decisions = []
    for symbol in rules.tickers:
        screened = step.screened("P", symbol)
        if screened is None:
            continue
        if symbol in blocked:
            decisions.append(_decision(step, "P", symbol, screened, blocked[symbol], facts=facts))
            continue
        mine = candidates.get(symbol, ())
        chosen = next((c for c in mine if c.contract in sizes), mine[0] if mine else None)
        count = sizes.get(chosen.contract, 0) if chosen else 0
        notes = _already_short(step, screened)
        decisions.append(_decision(step, "P", symbol, screened, None, chosen, count, notes, facts))
    return decisions


def _blocked(step: AccountStep, symbol: str, right: str, limit: EntryLimit) -> str | None:
    """Why nothing is opened on a ticker whatever the market offers; None: it may be."""
    if limit.refused:
        return limit.refused
    if step.has_entered(symbol):
        return "entered_this_week"
    if step.has_waiting_entry(symbol):
        return "order_waits"
    if step.was_refused(symbol, right):
        return "not_asked_again"
    if not step.market.entries_open:
        return "window_closed"
    if symbol not in step.market.prices:
        # Nothing says what a level would count from.
        return "price_unknown"
    if step.config.protection.enabled and not step.market.atr.get(symbol):
        # Without one the position would have no level.
        return "atr_unknown"
    return None


def _already_short(step: AccountStep, screened: Screened) -> dict[str, Refusal]:
    """Contracts that the account is short: each has one chain, with levels of its own."""
    return {c.contract: Refusal.ALREADY_SHORT for c in screened.passed if c.contract in step.account.options}


def _scaled(contracts: int, share: Decimal) -> int:
    return int((contracts * share).to_integral_value(ROUND_FLOOR))


def _sizes(
    step: AccountStep,
    free: Decimal,
    candidates: Mapping[str, tuple[Candidate, ...]],
    first_over_cap: bool,
    shares: Mapping[str, Decimal],
) -> dict[str, int]:
    rules = step.rules
    return contracts_for_puts(
        free,
        {symbol: best_first[0] for symbol, best_first in candidates.items()},
        sorted((c for best_first in candidates.values() for c in best_first), key=lambda c: c.rank),
        rules.ticker_weights,
        rules.max_symbol_share,
        step.config.multiplier,
        first_over_cap,
        step.config.entry.max_order_share_of_volume,
        shares,
    )


def _uncovered_shares(step: AccountStep, symbol: str) -> int:
    account = step.account
    lots = account.shares[symbol]
    if step.rules.calls.after_assignment_only:
        lots = tuple(lot for lot in lots if lot.assigned)
    bound = account.shares_covering_calls(symbol, step.config.multiplier)
    return max(0, quantity(lots) - bound)


def _decision(
    step: AccountStep,
    right: str,
    symbol: str,
    screened: Screened,
    blocked: str | None,
    chosen: Candidate | None = None,
    count: int = 0,
    notes: Mapping[str, Refusal] | None = None,
    facts: Mapping[str, Json] | None = None,
) -> EntryDecision:
    """One decision as an event. ``blocked`` names an account-level reason that kept all candidates out.

    A ``chosen`` that did not pass is one that a person is asked about.
    """
    notes = notes or {}
    is_asked = chosen in screened.floor_only
    if blocked:
        outcome = blocked
    elif chosen is None:
        outcome = min(notes.values()).value if screened.passed else "none_passed"
    elif not count:
        outcome = "none_passed" if is_asked else Refusal.SIZE_ZERO.value
    else:
        outcome = ASKED_UNDER_FLOOR if is_asked else "order"
    taken = chosen if outcome in ("order", ASKED_UNDER_FLOOR) else None

    def note(candidate: Candidate) -> str | None:
        if candidate is taken:
            return None
        if blocked:
            return blocked
        if candidate.contract in notes:
            return notes[candidate.contract].value
        return Refusal.NOT_BEST.value if taken else outcome

    key = f"entry/{step.market.session}/{step.account.name}/{symbol}/{right}"
    event = Event(
        EventType.ENTRY_DECIDED,
        step.market.now,
        f"rule:{step.account.kind}_acc",
        key,
        {
            "session": step.market.session.isoformat(),
            "week": step.market.week.id,
            "account": step.account.name,
            "kind": step.account.kind,
            "symbol": symbol,
            "right": right,
            "outcome": outcome,
            "considered": screened.considered,
            "refused": dict(screened.refused),
            "floor_alone": screened.floor_alone,
            "passed": [
                {
                    "contract": c.contract,
                    "rank": c.rank,
                    "delta_micro": c.delta_micro,
                    "yield_ppm": c.yield_ppm,
                    "refused": note(c),
                }
                for c in screened.passed
            ],
            "chosen": taken.contract if taken else None,
            "contracts": count if taken else 0,
            **(facts or {}),
        },
        cause=None,
    )
    if taken is None:
        return EntryDecision(event, None)
    under_floor = outcome == ASKED_UNDER_FLOOR
    leg = step.rules.puts if right == "P" else step.rules.calls
    floor: dict[str, Json] = {"floor_ppm": round(leg.min_premium_yield * MICRO)} if under_floor else {}
    intent_id = f"{step.market.session}/{step.account.name}/{entry_purpose(right)}/{taken.contract}"
    intent = OrderIntent(
        account=step.account.name,
        instrument=taken.contract,
        symbol=symbol,
        action=Action.SELL_TO_OPEN,
        quantity=count,
        limit_price=taken.credit,
        purpose=entry_purpose(right),
        session=step.market.session,
        decided_at=step.market.now,
        cause=key,
        config_fingerprint=step.state.config_fingerprint,
        evidence={
            "delta_points": f"{Decimal(taken.delta_micro) / MICRO:f}",
            "premium_yield_ppm": taken.yield_ppm,
            "rank": taken.rank,
            **floor,
        },
        asks=("under_floor",) if under_floor else (),
        chain=_chain_start(step, intent_id, right, symbol, taken.contract),
    )
    return EntryDecision(event, intent)


def _chain_start(
    step: AccountStep, intent_id: str, right: str, symbol: str, contract: str
) -> ChainStart | None:
    """What the new chain's levels count from: the underlying now, and its ATR of the session before."""
    atr = step.market.atr.get(symbol)
    if not atr:
        return None
    quote = step.market.quotes.get(contract)
    return ChainStart(intent_id, right, step.market.prices[symbol], atr, quote.iv if quote else None)
