"""What one account opens at a step: covered calls first, then cash-secured puts.

Each (account, ticker, right) that has candidates or shares gets one ``entry.decided`` event that says
how many contracts were looked at, what refused them, and what was chosen or why nothing was. At most one
new entry per account, ticker and week.
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
from alluse_assets.execution.order import Action, OrderIntent
from alluse_assets.journal.event_types import EventType
from alluse_assets.ledger.book_state import AccountState, BookState
from alluse_assets.ledger.lots import quantity
from alluse_assets.strategies.candidates import Candidate, Refusal, Screened
from alluse_assets.strategies.entry_calendar import MICRO
from alluse_assets.strategies.market import SessionMarket
from alluse_assets.strategies.sizing import contracts_for_puts, limit_by_volume


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
            chosen = next((c for c in screened.passed if c.contract not in under), None)
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
    best = {symbol: s.passed[0] for symbol, s in open_to_entry.items() if s.passed}
    ranked = sorted((c for s in open_to_entry.values() for c in s.passed), key=lambda c: c.rank)
    sizes = contracts_for_puts(
        free,
        best,
        ranked,
        rules.ticker_weights,
        rules.max_symbol_share,
        step.config.multiplier,
        step.config.entry.first_contract_over_cap,
        step.config.entry.max_order_share_of_volume,
    )
    decisions = []
    for symbol in rules.tickers:
        screened = step.screened("P", symbol)
        if screened is None:
            continue
        if symbol in blocked:
            decisions.append(_decision(step, "P", symbol, screened, blocked[symbol], facts=facts))
            continue
        sized = next((c for c in screened.passed if c.contract in sizes), None)
        chosen = sized or best.get(symbol)
        count = sizes.get(chosen.contract, 0) if chosen else 0
        decisions.append(_decision(step, "P", symbol, screened, None, chosen, count, facts=facts))
    return decisions


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
    """One decision as an event. ``blocked`` names an account-level reason that kept all candidates out."""
    notes = notes or {}
    if blocked:
        outcome = blocked
    elif not screened.passed:
        outcome = "none_passed"
    elif chosen is None:
        outcome = Refusal.BELOW_ADJUSTED_BASIS.value
    elif not count:
        outcome = Refusal.SIZE_ZERO.value
    else:
        outcome = "order"
    taken = chosen if outcome == "order" else None

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
        },
    )
    return EntryDecision(event, intent)
