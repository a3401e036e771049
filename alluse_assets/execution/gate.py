"""The pre-trade gate: the one place that refuses orders (after the controls of SEC Rule 15c3-5).

The rule set is data: each rule has an id, a version, the parameters it was judged with and a plain
sentence. All rules are asked, so a refusal names everything that is wrong. Rules on concentration,
rates, restricted symbols and the kill switch join this list.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from alluse_assets.accounts.deployable import deployable
from alluse_assets.accounts.states import AccountStatus, allows_entries, allows_exits, allows_rolls
from alluse_assets.base.calendar import has_stopped_trading
from alluse_assets.base.events import Json
from alluse_assets.base.instruments import is_option, parse_occ_symbol, root_of
from alluse_assets.base.money import ZERO, extended, text, to_cents
from alluse_assets.execution.order import Action, OrderIntent
from alluse_assets.ledger.account_state import AccountState
from alluse_assets.ledger.book_state import BookState, WorkingOrder

ROLL_OPEN = "roll_open"
"""Purpose of the sale that a roll ends with: no entry, though it opens a contract."""
HEDGE = "hedge"
"""Purpose of index puts that are bought at a level: protection, at any time of a session."""


@dataclass(frozen=True, slots=True)
class GateContext:
    """What the rules judge by, at the moment of the decision.

    ``state`` does not contain the order itself. ``nav`` is the account's NAV at this step, USD.
    ``expected_fee`` is what the order's fees may be at most, USD.
    """

    state: BookState
    now: datetime
    ends_at: datetime
    """When options that expire in this session stop trading."""
    opens_at: datetime
    closes_at: datetime
    nav: Decimal
    buffer_share: float
    multiplier: int
    expected_fee: Decimal
    status: AccountStatus = AccountStatus.ACTIVE
    window_open: bool = True
    """Whether entries are allowed at this time."""
    no_entry: str | None = None
    """What protection refuses an entry in the order's symbol and right for; None: it refuses none."""
    deployable_share: Decimal = Decimal(1)
    """Share of deployable that entries may use."""
    keeps_levels: bool = False
    """Whether every option sold needs what its level counts from."""
    freed: Decimal = ZERO
    """What the other leg of the same roll brings, USD: a close the collateral that it frees less its cost, a
    sale that is one order with the close its credit less its fee."""
    freed_shares: int = 0
    """Shares that the closing leg of the same roll unbinds."""

    def account(self, intent: OrderIntent) -> AccountState:
        """The account that the order is for."""
        return self.state.accounts[intent.account]

    def spendable(self, intent: OrderIntent) -> Decimal:
        """What entries may use of the account's deployable cash, less what its working orders reserve."""
        free = deployable(
            self.account(intent), self.nav, self.buffer_share, self.multiplier, self.state.orders.values()
        )
        return to_cents(free * self.deployable_share)


@dataclass(frozen=True, slots=True)
class Rule:
    """One clause. ``check`` returns what is wrong, or None."""

    id: str
    version: int
    sentence: str
    check: Callable[[OrderIntent, GateContext], str | None]


@dataclass(frozen=True, slots=True)
class GateDecision:
    """Which rules passed, and what the others said."""

    passed: tuple[str, ...]
    refused: tuple[tuple[str, str], ...]

    @property
    def allows(self) -> bool:
        """Whether the order may go on."""
        return not self.refused

    def passing(self, rule: str) -> GateDecision:
        """The same with one more rule that let it through."""
        return replace(self, passed=(*self.passed, rule))

    def payload(self) -> dict[str, Json]:
        """As the journal keeps it: rule ids with versions, and the refusals in words."""
        return {
            "passed": list(self.passed),
            "refused": [{"rule": rule, "why": why} for rule, why in self.refused],
        }


def cash_needed(intent: OrderIntent, multiplier: int) -> Decimal:
    """What the order may take from deployable cash: collateral of a put, the price of what is bought."""
    if intent.action is Action.SELL_TO_OPEN:
        contract = parse_occ_symbol(intent.instrument)
        return contract.strike * multiplier * intent.quantity if contract.right == "P" else ZERO
    if intent.action is Action.SELL_TO_CLOSE:
        return ZERO
    units = multiplier * intent.quantity if is_option(intent.instrument) else intent.quantity
    return intent.limit_price * units


def _known_account(intent: OrderIntent, context: GateContext) -> str | None:
    return None if intent.account in context.state.accounts else f"no account {intent.account} in this book"


def _well_formed(intent: OrderIntent, context: GateContext) -> str | None:
    if intent.quantity <= 0:
        return f"quantity {intent.quantity} is not positive"
    if intent.limit_price <= 0:
        return f"limit price {intent.limit_price} is not positive"
    if is_option(intent.instrument) and has_stopped_trading(
        parse_occ_symbol(intent.instrument).expiry, intent.session, context.now, context.ends_at
    ):
        return f"{intent.instrument} has stopped trading by {context.now}"
    return None


def _capital(intent: OrderIntent, context: GateContext) -> str | None:
    if intent.action is Action.BUY_TO_CLOSE:
        # It is paid from what no put needs: a put's buy-back frees its own collateral, a call's frees none.
        need = cash_needed(intent, context.multiplier) + context.expected_fee
        cash = context.account(intent).cash + context.freed
        free = cash + _freed_by(intent, context.multiplier) - _bound(intent, context)
        if need <= free:
            return None
        return f"needs {text(need)} USD, the account has {text(free)} in cash that covers no other put"
    need = cash_needed(intent, context.multiplier)
    if intent.action in (Action.BUY, Action.BUY_TO_OPEN):
        need += context.expected_fee
    free = context.spendable(intent)
    if intent.purpose == ROLL_OPEN:
        # Its collateral is that of what it replaces, which the buffer was kept beside already.
        unbuffered = replace(context, buffer_share=0.0, deployable_share=Decimal(1))
        brings = extended(intent.limit_price, context.multiplier * intent.quantity) - context.expected_fee
        free = unbuffered.spendable(intent) + context.freed + brings
    if need and need > free:
        return f"needs {text(need)} USD of deployable cash, the account has {text(free)}"
    return None


def _freed_by(order: OrderIntent | WorkingOrder, multiplier: int) -> Decimal:
    """Collateral that a buy-back frees: a put's strike, of what is not bought back yet."""
    contract = parse_occ_symbol(order.instrument)
    left = order.quantity - (order.filled if isinstance(order, WorkingOrder) else 0)
    return contract.strike * multiplier * left if contract.right == "P" else ZERO


def _bound(intent: OrderIntent, context: GateContext) -> Decimal:
    """Cash that the account's open puts may take, and what its working orders need over what they free."""
    account, bound = context.account(intent), ZERO
    for order in context.state.orders.values():
        if order.account != account.name:
            continue
        freed = _freed_by(order, context.multiplier) if order.action == Action.BUY_TO_CLOSE else ZERO
        bound += max(ZERO, order.reserved - freed)
    return account.put_collateral(context.multiplier) + bound


def _covered(intent: OrderIntent, context: GateContext) -> str | None:
    if intent.action is not Action.SELL_TO_OPEN or parse_occ_symbol(intent.instrument).right != "C":
        return None
    account = context.account(intent)
    bound = account.shares_covering_calls(intent.symbol, context.multiplier) + sum(
        order.shares
        for order in context.state.orders.values()
        if order.account == account.name and _symbol_root(order.instrument) == root_of(intent.symbol)
    )
    free = account.shares_held(intent.symbol) - bound + context.freed_shares
    need = intent.quantity * context.multiplier
    return None if need <= free else f"needs {need} uncovered shares of {intent.symbol}, there are {free}"


def _closes_what_is_open(intent: OrderIntent, context: GateContext) -> str | None:
    if not intent.action.is_exit:
        return None
    account = context.account(intent)
    options = account.shorts if intent.action is Action.BUY_TO_CLOSE else account.longs
    option = options.get(intent.instrument)
    held = option.contracts if option else 0
    working = sum(
        order.quantity - order.filled
        for order in context.state.orders.values()
        if order.account == intent.account
        and order.instrument == intent.instrument
        and order.action == intent.action
    )
    if intent.quantity > held - working:
        return f"would close {intent.quantity} of {held - working} open contracts"
    return None


def _hours(intent: OrderIntent, context: GateContext) -> str | None:
    if context.opens_at <= context.now <= context.closes_at:
        return None
    return f"the market is open from {context.opens_at} to {context.closes_at}, it is {context.now}"


def _state(intent: OrderIntent, context: GateContext) -> str | None:
    if intent.action.is_exit:
        allowed = allows_exits(context.status)
    elif intent.purpose == ROLL_OPEN:
        allowed = allows_rolls(context.status)
        if context.status is AccountStatus.SAFE and Decimal(str(intent.evidence.get("net", 0))) <= 0:
            return f"account {intent.account} is SAFE, and there a roll is made for a net credit only"
    else:
        allowed = allows_entries(context.status)
    return None if allowed else f"account {intent.account} is {context.status.value}"


def _protection(intent: OrderIntent, context: GateContext) -> str | None:
    if intent.action is not Action.SELL_TO_OPEN or intent.purpose == ROLL_OPEN or context.no_entry is None:
        return None
    return f"no entry in {intent.symbol}: {context.no_entry}"


def keeps_window(intent: OrderIntent) -> bool:
    """Whether an order is an entry, which is made in the entry window only."""
    return not intent.action.is_exit and intent.purpose not in (ROLL_OPEN, HEDGE)


def _window(intent: OrderIntent, context: GateContext) -> str | None:
    if context.window_open or not keeps_window(intent):
        return None
    return f"entries are made in their window only, and it is {context.now}"


def _has_level(intent: OrderIntent, context: GateContext) -> str | None:
    if not context.keeps_levels or intent.action is not Action.SELL_TO_OPEN or intent.chain is not None:
        return None
    return f"{intent.symbol} has no ATR, so the position would have no protection level"


def _no_duplicate(intent: OrderIntent, context: GateContext) -> str | None:
    same = [
        order.intent_id
        for order in context.state.orders.values()
        if (order.account, order.instrument, order.action)
        == (intent.account, intent.instrument, intent.action)
        and not (order.parent and order.parent == intent.parent)
    ]
    return f"order {same[0]} for the same is still working" if same else None


def _symbol_root(instrument: str) -> str:
    return parse_occ_symbol(instrument).root if is_option(instrument) else root_of(instrument)


RULES: tuple[Rule, ...] = (
    Rule("account", 1, "The order names an account of this book.", _known_account),
    Rule("well-formed", 1, "Quantity and price are positive and the contract still trades.", _well_formed),
    Rule("capital", 1, "Cash-secured: collateral and purchases fit the account's deployable cash.", _capital),
    Rule("covered", 1, "Calls are covered by shares that no other call binds.", _covered),
    Rule("closing", 1, "A closing order closes no more than is open.", _closes_what_is_open),
    Rule("hours", 1, "Orders go out only while the instrument trades, early closes included.", _hours),
    Rule(
        "state",
        1,
        "Entries in ACTIVE only, rolls in SAFE for a net credit; exits wherever anything may be sent at all.",
        _state,
    ),
    Rule(
        "protection",
        1,
        "No entry where the symbol's level, a deep drawdown or the account's drawdown pivot refuses it.",
        _protection,
    ),
    Rule("window", 1, "Entries in their window only; exits, rolls and hedges at any time.", _window),
    Rule("level", 1, "What is sold has what its protection level counts from.", _has_level),
    Rule(
        "duplicate", 1, "No second order for the same while one works, but parts of one roll.", _no_duplicate
    ),
)

STANDING = ("state", "window", "protection")
"""Ids of the rules on whether an order may be there at all: what works is asked them again at each look."""


def decide(intent: OrderIntent, context: GateContext, rules: Sequence[Rule] = RULES) -> GateDecision:
    """Ask every rule. An order for an unknown account is refused before the others look at it."""
    unknown = _known_account(intent, context)
    if unknown:
        return GateDecision((), (("account@1", unknown),))
    passed, refused = [], []
    for rule in rules:
        name = f"{rule.id}@{rule.version}"
        why = rule.check(intent, context)
        if why is None:
            passed.append(name)
        else:
            refused.append((name, why))
    return GateDecision(tuple(passed), tuple(refused))
