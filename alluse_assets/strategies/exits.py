"""Closing a short option before its expiry: at a level, dividend risk, near the strike, profit taken.

Each is one order to buy back, at what buying back really costs, so a wide spread never counts as profit.
What is due and cannot be done gets an ``exit.decided`` event with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from alluse_assets.accounts.states import allows_exits, status_of
from alluse_assets.base.calendar import has_stopped_trading
from alluse_assets.base.events import Event, Json
from alluse_assets.base.money import text
from alluse_assets.execution.fill_model import fill_price
from alluse_assets.execution.order import Action, ChainStart, OrderIntent
from alluse_assets.journal.event_types import EventType
from alluse_assets.ledger.account_state import ShortOption
from alluse_assets.ledger.lots import cost
from alluse_assets.option_chains.marks import intrinsic
from alluse_assets.protection.levels import actions_at
from alluse_assets.protection.state import Chain
from alluse_assets.strategies.account_step import AccountStep


@dataclass(frozen=True, slots=True)
class ExitDecision:
    """One exit that is due: the event that says so, and its order if there can be one."""

    event: Event
    intent: OrderIntent | None


def decide_take_profits(step: AccountStep) -> list[OrderIntent]:
    """Orders that close what has decayed enough; nothing is closed in the session that opened it."""
    if not step.rules.take_profit or not allows_exits(status_of(step.state.protection, step.account.name)):
        return []
    keep = 1 - Decimal(str(step.rules.take_profit_decay))
    intents = []
    for contract, short in step.shorts:
        to_close = cost_to_close(step, contract, short)
        if to_close is None or short.lots[-1].acquired >= step.market.session:
            continue
        credit = credit_per_share(step, short)
        if to_close > credit * keep:
            continue
        evidence: dict[str, Json] = {
            "credit": f"{credit:.4f}",
            "decayed_share": f"{1 - to_close / credit:.4f}",
        }
        intents.append(
            buy_back(step, contract, short, to_close, "take_profit", opening_order(short), evidence)
        )
    return intents


def decide_level_closes(step: AccountStep) -> list[ExitDecision]:
    """The close of every chain at a level whose action table says so; that of level 3 may ask a person."""
    rules = step.config.protection
    if not rules.enabled:
        return []
    found = []
    for contract, short in step.shorts:
        chain = step.chain_of(short)
        if chain is None or "close" not in actions_at(rules, step.kind, chain.right, chain.level):
            continue
        rule = f"level_{chain.level}_close"
        facts: dict[str, Json] = {"chain": chain.id, "level": chain.level}
        found.append(_exit(step, contract, short, rule, facts, asks=(rule,) if chain.level >= 3 else ()))
    return found


def decide_near_strike(step: AccountStep) -> list[ExitDecision]:
    """In the last hours of a week: what expires in it and is near its strike is bought back (pin risk)."""
    rules, market = step.config.week_end, step.market
    begins = market.options_end_at - timedelta(minutes=rules.manage_minutes_before_close)
    if rules.near_strike == "keep" or market.session != market.week.last:
        return []
    found = []
    for contract, short in step.shorts:
        spot, at = market.prices.get(short.underlying), market.now
        ends_now = short.contract.expiry <= market.week.monday + timedelta(days=6)
        if spot is None or not ends_now or not begins <= at < market.options_end_at:
            continue
        away = abs(spot - short.contract.strike)
        if away > Decimal(str(rules.near_strike_share)) * short.contract.strike:
            continue
        facts: dict[str, Json] = {"spot": text(spot), "strike": text(short.contract.strike)}
        found.append(_exit(step, contract, short, "near_strike", facts))
    return found


def dividend_risks(step: AccountStep) -> list[tuple[str, ShortOption, dict[str, Json]]]:
    """Short calls in the money whose time value is under a dividend that is near: they would be assigned."""
    if step.config.rolls.dividend_risk == "off":
        return []
    found = []
    for contract, short in step.shorts:
        ahead = step.market.ex_dividends.get(short.underlying)
        spot = step.market.prices.get(short.underlying)
        to_close = cost_to_close(step, contract, short)
        if ahead is None or spot is None or short.contract.right != "C":
            continue
        ex_date, amount = ahead
        value = intrinsic(short.contract, spot)
        if not value or short.contract.expiry < ex_date:
            continue
        if to_close is not None and to_close - value >= amount:
            continue
        facts: dict[str, Json] = {
            "ex_date": ex_date.isoformat(),
            "dividend": text(amount),
            "intrinsic": text(value),
            "cost_to_close": None if to_close is None else text(to_close),
        }
        found.append((contract, short, facts))
    return found


def close_for_dividend(
    step: AccountStep, contract: str, short: ShortOption, facts: dict[str, Json]
) -> ExitDecision:
    """The close of a call with dividend risk."""
    return _exit(step, contract, short, "dividend_risk", facts)


def cost_to_close(step: AccountStep, contract: str, short: ShortOption) -> Decimal | None:
    """What buying back costs now, USD per share; None where nothing is offered or trading has ended."""
    quote = step.market.quotes.get(contract)
    if quote is None or quote.ask <= 0 or _has_ended(step, short):
        return None
    return fill_price(quote, False, step.config.paper.price_improvement_share)


def why_not_closed(step: AccountStep, short: ShortOption) -> str:
    """Why an option has no cost to close."""
    return "trading_ended" if _has_ended(step, short) else "nothing_offered"


def _has_ended(step: AccountStep, short: ShortOption) -> bool:
    market = step.market
    at = market.now
    return has_stopped_trading(short.contract.expiry, market.session, at, market.options_end_at)


def credit_per_share(step: AccountStep, short: ShortOption) -> Decimal:
    """The premium received for what is open, USD per share."""
    return cost(short.lots) / (short.contracts * step.config.multiplier)


def opening_order(short: ShortOption) -> str:
    """Key of the order that began the option's chain."""
    return f"order/{short.chain_id}/created"


def chain_start(chain: Chain | None) -> ChainStart | None:
    """What an order of a chain carries of it."""
    if chain is None:
        return None
    return ChainStart(chain.id, chain.right, chain.anchor_price, chain.anchor_atr, chain.anchor_iv)


def buy_back(
    step: AccountStep,
    contract: str,
    short: ShortOption,
    limit: Decimal,
    purpose: str,
    cause: str,
    evidence: Mapping[str, Json] | None = None,
    asks: tuple[str, ...] = (),
    quantity: int = 0,
    parent: str = "",
) -> OrderIntent:
    """An order that closes a short option, whole unless ``quantity`` says less."""
    return OrderIntent(
        account=step.account.name,
        instrument=contract,
        symbol=short.underlying,
        action=Action.BUY_TO_CLOSE,
        quantity=quantity or short.contracts,
        limit_price=limit,
        purpose=purpose,
        session=step.market.session,
        decided_at=step.market.now,
        cause=cause,
        config_fingerprint=step.state.config_fingerprint,
        evidence=dict(evidence or {}),
        asks=asks,
        chain=chain_start(step.chain_of(short)),
        parent=parent,
    )


def _exit(
    step: AccountStep,
    contract: str,
    short: ShortOption,
    rule: str,
    facts: Mapping[str, Json],
    asks: tuple[str, ...] = (),
) -> ExitDecision:
    to_close = cost_to_close(step, contract, short)
    key = f"exit/{step.market.session}/{step.account.name}/{contract}/{rule}"
    outcome = "order" if to_close is not None else why_not_closed(step, short)
    status = status_of(step.state.protection, step.account.name)
    if not allows_exits(status):
        outcome, to_close = f"account_{status.value.lower()}", None
    event = Event(
        EventType.EXIT_DECIDED,
        step.market.now,
        f"rule:{rule}",
        key,
        {
            "session": step.market.session.isoformat(),
            "account": step.account.name,
            "contract": contract,
            "symbol": short.underlying,
            "contracts": short.contracts,
            "rule": rule,
            "outcome": outcome,
            **facts,
        },
    )
    if to_close is None:
        return ExitDecision(event, None)
    return ExitDecision(event, buy_back(step, contract, short, to_close, rule, key, facts, asks))
