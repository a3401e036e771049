"""Com-Acc's first share purchase: its share of the lump sum less the buffer, even over its tickers.

Bought in lots of 100 where the money for a ticker reaches one, else as whole shares, at the first look at
which the account may enter. What is left stays cash.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from alluse_assets.accounts.states import allows_entries, status_of
from alluse_assets.base.events import Event, Json
from alluse_assets.base.money import text, to_cents
from alluse_assets.execution.fill_model import TICK
from alluse_assets.execution.order import Action, OrderIntent
from alluse_assets.journal.event_types import EventType
from alluse_assets.strategies.account_step import AccountStep


def shares_to_buy(
    money: Decimal,
    prices: Mapping[str, Decimal],
    weights: Mapping[str, float] | None,
    lot: int,
    fee_per_share: Decimal,
) -> dict[str, int]:
    """Shares per ticker for ``money`` USD, split over the tickers that have a price."""
    scale = {symbol: Decimal(str(weights[symbol])) if weights else Decimal(1) for symbol in prices}
    total = sum(scale.values(), Decimal(0))
    bought = {}
    for symbol, close in prices.items():
        affordable = money * scale[symbol] / total / (close + fee_per_share)
        shares = int(affordable.to_integral_value(ROUND_FLOOR))
        bought[symbol] = shares // lot * lot if shares >= lot else shares
    return bought


def decide_first_purchase(step: AccountStep) -> tuple[Event, list[OrderIntent]] | None:
    """The plan and its orders, at the first look at which the account may enter; None: not due.

    It is planned again in a later session while nothing of it was bought and nobody said no.
    """
    name = step.account.name
    may_enter = allows_entries(status_of(step.state.protection, name)) and step.market.entries_open
    key = f"first_purchase/{name}"
    if name in step.state.first_purchases:
        key = f"{key}/{step.market.session}"
    if not step.rules.first_share_purchase or not may_enter or _is_had(step, key):
        return None
    market, config = step.market, step.config
    index = config.market.index_options
    # A limit is in whole cents; a price between two of them would leave the order a fraction short.
    prices = {
        s: market.prices[s].quantize(TICK, rounding=ROUND_CEILING)
        for s in step.rules.tickers
        if s in market.prices and s not in index
    }
    weights = step.rules.ticker_weights
    fee = config.paper.fee_per_share_usd
    plan = shares_to_buy(step.deployable, prices, weights, config.multiplier, fee) if prices else {}
    rows: list[Json] = [
        {
            "symbol": symbol,
            "price": text(prices[symbol]) if symbol in prices else None,
            "shares": plan.get(symbol, 0),
            "why": "planned" if plan.get(symbol) else ("too_dear" if symbol in prices else "no_price_yet"),
        }
        for symbol in step.rules.tickers
    ]
    event = Event(
        EventType.SHARE_PURCHASE_PLANNED,
        market.now,
        "rule:com_acc",
        key,
        {
            "session": market.session.isoformat(),
            "account": step.account.name,
            "money": text(to_cents(step.deployable)),
            "tickers": rows,
        },
    )
    intents = [
        OrderIntent(
            account=step.account.name,
            instrument=symbol,
            symbol=symbol,
            action=Action.BUY,
            quantity=shares,
            limit_price=prices[symbol],
            purpose="first_purchase",
            session=market.session,
            decided_at=market.now,
            cause=key,
            config_fingerprint=step.state.config_fingerprint,
        )
        for symbol, shares in plan.items()
        if shares
    ]
    return event, intents


def _is_had(step: AccountStep, key: str) -> bool:
    """Whether the purchase was made or refused, or this session has tried it."""
    name, state = step.account.name, step.state
    orders = f"{step.market.session}/{name}/first_purchase/"
    if name in state.first_purchases_done or key in state.decided_in_session:
        return True
    under_way = any(o.account == name and o.action == Action.BUY for o in state.orders.values())
    return under_way or any(intent.startswith(orders) for intent in state.intents_of_session)
