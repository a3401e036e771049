"""What one account opens at a step: covered calls first, then cash-secured puts.

Each (account, ticker, right) that has candidates or shares gets one ``entry.decided`` event that says
how many contracts were looked at, what refused them, and what was chosen or why nothing was. At most one
new entry per account, ticker and week. Where the premium floor alone is in the way, a person is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from alluse_assets.accounts.deployable import deployable
from alluse_assets.base.config.model_accounts import AccountRules
from alluse_assets.base.config.model_protocol import ProtocolConfig
from alluse_assets.base.events import Event, Json
from alluse_assets.base.money import text
from alluse_assets.execution.approvals import asks
from alluse_assets.execution.order import Action, OrderIntent
from alluse_assets.journal.event_types import EventType
from alluse_assets.ledger.book_state import AccountState, BookState
from alluse_assets.ledger.lots import quantity
from alluse_assets.strategies.candidates import Candidate, Refusal, Screened
from alluse_assets.strategies.entry_calendar import MICRO
from alluse_assets.strategies.market import SessionMarket
from alluse_assets.strategies.sizing import contracts_for_puts, limit_by_volume

ASKED_UNDER_FLOOR = "asked_under_floor"
"""Outcome: nothing passed, and a person is asked about the best of what the floor alone refused."""


@dataclass(frozen=True, slots=True)
class EntryDecision:
    """The event to record, and the order it leads to, if any."""

    event: Event
    intent: OrderIntent | None


@dataclass(frozen=True, slots=True)
class AccountStep:
    """One account at one step: who decides, on what, under which rules."""

    account: AccountState
    state: BookState
    market: SessionMarket
    config: ProtocolConfig
    nav: Decimal

    @property
    def rules(self) -> AccountRules:
        """The rules of the account's kind."""
        return self.config.accounts.of(self.account.kind)  # type: ignore[arg-type]

    @property
    def deployable(self) -> Decimal:
        """Cash that may be committed now."""
        return deployable(
            self.account,
            self.nav,
            self.rules.buffer_share,
            self.config.multiplier,
            self.state.orders.values(),
        )

    def screened(self, right: str, symbol: str) -> Screened | None:
        """What the market screen says of a ticker; None outside the leg's entry sessions."""
        return self.market.screened.get((self.account.kind, right, symbol))

    def asked_under_floor(self, screened: Screened) -> tuple[Candidate, ...]:
        """What a person may be asked about: only the floor is in the way, and nothing else passed."""
        if screened.passed or not asks("under_floor", self.config.approvals):
            return ()
        return screened.floor_only

    def has_entered(self, symbol: str) -> bool:
        """Whether the week's entry in the ticker is used up."""
        return (
            self.state.entries_of_week.count((self.account.name, symbol))
            >= self.config.entry.max_entries_per_week
        )


def decide_calls(step: AccountStep) -> list[EntryDecision]:
    """Covered calls on every ticker whose shares no call binds yet, strike not under the adjusted basis."""
    decisions = []
    for symbol in sorted(step.account.shares):
        screened = step.screened("C", symbol)
        if screened is None:
            continue
        contracts = _uncovered_shares(step, symbol) // step.config.multiplier
        basis = step.account.adjusted_basis(symbol)
        if step.has_entered(symbol):
            decisions.append(_decision(step, "C", symbol, screened, "entered_this_week"))
        elif not contracts:
            decisions.append(_decision(step, "C", symbol, screened, "no_uncovered_lot"))
        else:
            under = {c.contract for c in screened.passed if basis is not None and c.strike < basis}
            among = screened.passed or step.asked_under_floor(screened)
            chosen = next((c for c in among if basis is None or c.strike >= basis), None)
            notes = dict.fromkeys(under, Refusal.BELOW_ADJUSTED_BASIS)
            count = (
                limit_by_volume(contracts, chosen, step.config.entry.max_order_share_of_volume)
                if chosen
                else 0
            )
            facts: dict[str, Json] = {"adjusted_basis": None if basis is None else f"{basis:.4f}"}
            decisions.append(_decision(step, "C", symbol, screened, None, chosen, count, notes, facts))
    return decisions


def decide_puts(step: AccountStep) -> list[EntryDecision]:
    """Cash-secured puts over the tickers that passed, sized together from the same deployable cash."""
    rules, free = step.rules, step.deployable
    facts: dict[str, Json] = {"nav": text(step.nav), "deployable": text(free)}
    blocked: dict[str, str] = {}
    open_to_entry: dict[str, Screened] = {}
    for symbol in rules.tickers:
        screened = step.screened("P", symbol)
        if screened is None:
            continue
        if step.has_entered(symbol):
            blocked[symbol] = "entered_this_week"
        elif not rules.put_free_cash_share and step.account.shares_held(symbol):
            # Assigned shares put the ticker on the call side until they are called away. An account
            # that holds shares on purpose has a free-cash rule for its puts instead.
            blocked[symbol] = "on_call_side"
        elif free <= Decimal(str(rules.put_free_cash_share)) * step.nav:
            blocked[symbol] = "free_cash_low"
        else:
            open_to_entry[symbol] = screened
    passed = {symbol: s.passed for symbol, s in open_to_entry.items() if s.passed}
    sizes = _sizes(step, free, passed, step.config.entry.first_contract_over_cap)
    # What a person is asked about gets what the others leave, and is no first contract beside others.
    asked = {symbol: found for symbol, s in open_to_entry.items() if (found := step.asked_under_floor(s))}
    bound = sum(
        (c.strike * step.config.multiplier * sizes.get(c.contract, 0) for cs in passed.values() for c in cs),
        Decimal(0),
    )
    sizes |= _sizes(step, free - bound, asked, step.config.entry.first_contract_over_cap and not sizes)
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
        decisions.append(_decision(step, "P", symbol, screened, None, chosen, count, facts=facts))
    return decisions


def _sizes(
    step: AccountStep, free: Decimal, candidates: Mapping[str, tuple[Candidate, ...]], first_over_cap: bool
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
    if blocked:
        outcome = blocked
    elif not screened.passed:
        outcome = ASKED_UNDER_FLOOR if chosen and count else "none_passed"
    elif chosen is None:
        outcome = Refusal.BELOW_ADJUSTED_BASIS.value
    elif not count:
        outcome = Refusal.SIZE_ZERO.value
    else:
        outcome = "order"
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
        step.market.time_of(symbol),
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
    side = "put" if right == "P" else "call"
    under_floor = outcome == ASKED_UNDER_FLOOR
    leg = step.rules.puts if right == "P" else step.rules.calls
    floor: dict[str, Json] = {"floor_ppm": round(leg.min_premium_yield * MICRO)} if under_floor else {}
    intent = OrderIntent(
        account=step.account.name,
        instrument=taken.contract,
        symbol=symbol,
        action=Action.SELL_TO_OPEN,
        quantity=count,
        limit_price=taken.credit,
        purpose=f"open_{side}",
        session=step.market.session,
        decided_at=step.market.time_of(symbol),
        cause=key,
        config_fingerprint=step.state.config_fingerprint,
        evidence={
            "delta_points": f"{Decimal(taken.delta_micro) / MICRO:f}",
            "premium_yield_ppm": taken.yield_ppm,
            "rank": taken.rank,
            **floor,
        },
        asks=("under_floor",) if under_floor else (),
    )
    return EntryDecision(event, intent)
