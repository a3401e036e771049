"""Index puts while a position is at a level whose actions say ``hedge`` (section 4; off by default).

An account holds one hedge at a time: bought for a share of its NAV, never of its buffer, when the first of
its chains comes to such a level, and sold at the bid once none is at one any more; what is not bought by then
is called off. What is due and cannot be
done has its reason.
"""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal

import polars as pl

from alluse_assets.accounts.states import allows_entries, allows_exits, status_of
from alluse_assets.base.calendar import has_stopped_trading
from alluse_assets.base.events import Event, Json
from alluse_assets.base.money import text, to_cents
from alluse_assets.execution.approvals import order_approval
from alluse_assets.execution.fill_model import fill_price
from alluse_assets.execution.gate import HEDGE
from alluse_assets.execution.order import Action, OrderIntent
from alluse_assets.execution.precedence import CAN_BE_CALLED_OFF
from alluse_assets.journal.event_types import EventType
from alluse_assets.ledger.account_state import LongOption
from alluse_assets.ledger.book_state import WorkingOrder
from alluse_assets.protection.levels import actions_at
from alluse_assets.strategies.account_step import AccountStep
from alluse_assets.strategies.candidates import Refusal
from alluse_assets.strategies.entry import candidates_of, screen
from alluse_assets.strategies.entry_calendar import single_entry
from alluse_assets.strategies.exits import ExitDecision

HEDGE_END = "hedge_end"
"""Purpose of the order that sells a hedge."""


def decide_hedges(step: AccountStep) -> list[ExitDecision]:
    """What an account buys or sells of its hedge now; nothing where it has what it should."""
    chains = hedged_chains(step)
    held = {c: o for c, o in step.account.longs.items() if o.contract.right == "P"}
    if chains and not held:
        return [] if _is_working(step) else [decide_purchase(step, chains)]
    if held and not chains:
        return [_sale(step, contract, option) for contract, option in sorted(held.items())]
    return []


def hedged_chains(step: AccountStep) -> list[str]:
    """The account's open chains at or above a level whose actions say ``hedge``: what got worse keeps it."""
    rules = step.config.protection
    if not step.config.hedges:
        return []
    return [
        chain.id
        for chain in step.chains
        if any(
            "hedge" in actions_at(rules, step.kind, chain.right, level) for level in range(1, chain.level + 1)
        )
    ]


def purchases_not_due(step: AccountStep) -> list[WorkingOrder]:
    """Purchases of a hedge that work or wait though nothing of the account is hedged any more."""
    if hedged_chains(step):
        return []
    return [
        order
        for order in step.state.orders.values()
        if order.account == step.account.name
        and order.action == Action.BUY_TO_OPEN
        and order.state in CAN_BE_CALLED_OFF
    ]


def decide_purchase(step: AccountStep, chains: list[str]) -> ExitDecision:
    """The best puts of the band that the money buys at least one of, as many as it buys; or why none."""
    rules, config = step.config.protection.hedge, step.config
    status = status_of(step.state.protection, step.account.name)
    listed = step.market.chain.filter(
        pl.col("underlying") == rules.underlying,
        pl.col("right") == "P",
        pl.col("dte_days").is_between(rules.dte_low, rules.dte_high),
        pl.col("contract_symbol").is_in(sorted(step.account.options)).not_(),
    )
    band = single_entry(
        step.market.session, step.kind, "P", rules.underlying, rules.delta_low, rules.delta_high
    )
    passed, refused = candidates_of(screen(listed, band, config, step.market.earnings))
    budget = min(to_cents(Decimal(str(rules.share_of_nav)) * step.nav), step.deployable)
    chosen, price, count = None, Decimal(0), 0
    for candidate in passed:
        quote = step.market.quotes[candidate.contract]
        price = fill_price(quote, False, config.paper.price_improvement_share)
        each = price * config.multiplier + config.paper.fee_per_contract_usd
        count = int((budget / each).to_integral_value(ROUND_FLOOR))
        if count:
            chosen = candidate.contract
            break
    if _was_refused(step):
        outcome, chosen = "not_asked_again", None
    elif not allows_entries(status):
        outcome, chosen = f"account_{status.value.lower()}", None
    elif listed.is_empty():
        outcome = "none_listed"
    elif not passed:
        outcome = "none_passed"
    else:
        outcome = "order" if chosen else "too_dear"
    facts: dict[str, Json] = {
        "chains": list(chains),
        "budget": text(budget),
        "considered": listed.height,
        "refused": dict(refused),
    }
    return _decision(step, "buy", chosen, outcome, count if chosen else 0, price if chosen else None, facts)


def _sale(step: AccountStep, contract: str, option: LongOption) -> ExitDecision:
    market, quote = step.market, step.market.quotes.get(contract)
    status = status_of(step.state.protection, step.account.name)
    at = market.now
    price = None
    if not allows_exits(status):
        outcome = f"account_{status.value.lower()}"
    elif has_stopped_trading(option.contract.expiry, market.session, at, market.options_end_at):
        outcome = "trading_ended"
    elif quote is None or quote.bid <= 0:
        outcome = Refusal.NO_BID.value
    else:
        outcome, price = "order", fill_price(quote, True, step.config.paper.price_improvement_share)
    return _decision(step, "sell", contract, outcome, option.contracts, price, {"chains": []})


def _is_working(step: AccountStep) -> bool:
    """Whether puts are being bought: an order that asks a person, or works at the broker."""
    return any(
        order.account == step.account.name and order.action == Action.BUY_TO_OPEN
        for order in step.state.orders.values()
    )


def _was_refused(step: AccountStep) -> bool:
    """Whether this session a person said no to a hedge, or was told of one by a book that only advises.

    Of whatever contract it was: another one is best at each look.
    """
    begin = f"{step.market.session}/{step.account.name}/{HEDGE}/"
    known = [intent for intent in step.state.intents_of_session if intent.startswith(begin)]
    if step.config.approvals.mode == "advise":
        return bool(known)
    asked = (step.state.approvals.get(order_approval(intent)) for intent in known)
    return any(one is not None and one.answer == "no" for one in asked)


def _decision(
    step: AccountStep,
    side: str,
    contract: str | None,
    outcome: str,
    contracts: int,
    price: Decimal | None,
    facts: dict[str, Json],
) -> ExitDecision:
    underlying = step.config.protection.hedge.underlying
    if side == "sell" and contract:
        underlying = step.account.longs[contract].underlying
    at = step.market.now
    key = f"hedge/{step.market.session}/{step.account.name}/{side}{f'/{contract}' if side == 'sell' else ''}"
    payload: dict[str, Json] = {
        "session": step.market.session.isoformat(),
        "account": step.account.name,
        "underlying": underlying,
        "side": side,
        "contract": contract,
        "outcome": outcome,
        "contracts": contracts,
        "limit_price": None if price is None else text(price),
        **facts,
    }
    event = Event(EventType.HEDGE_DECIDED, at, "rule:hedge", key, payload)
    if price is None or contract is None:
        return ExitDecision(event, None)
    intent = OrderIntent(
        account=step.account.name,
        instrument=contract,
        symbol=underlying,
        action=Action.BUY_TO_OPEN if side == "buy" else Action.SELL_TO_CLOSE,
        quantity=contracts,
        limit_price=price,
        purpose=HEDGE if side == "buy" else HEDGE_END,
        session=step.market.session,
        decided_at=at,
        cause=key,
        config_fingerprint=step.state.config_fingerprint,
    )
    return ExitDecision(event, intent)
