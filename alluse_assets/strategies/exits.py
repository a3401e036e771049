"""Taking profit: a short option is bought back once enough of its credit has decayed.

Decay is measured at the price that buying back really costs, so a wide spread never counts as profit.
"""

from __future__ import annotations

from decimal import Decimal

from alluse_assets.base.calendar import has_stopped_trading
from alluse_assets.execution.fill_model import fill_price
from alluse_assets.execution.order import Action, OrderIntent
from alluse_assets.ledger.lots import cost
from alluse_assets.strategies.entries import AccountStep


def decide_take_profits(step: AccountStep) -> list[OrderIntent]:
    """Orders that close what has decayed enough; nothing is closed in the session that opened it."""
    keep = 1 - Decimal(str(step.rules.take_profit_decay))
    intents = []
    for symbol, short in sorted(step.account.shorts.items()):
        quote = step.market.quotes.get(symbol)
        opened_today = short.lots[-1].acquired >= step.market.session
        market, at = step.market, step.market.time_of(short.underlying)
        has_ended = has_stopped_trading(short.contract.expiry, market.session, at, market.options_end_at)
        if quote is None or quote.ask <= 0 or opened_today or has_ended:
            continue
        to_close = fill_price(quote, False, step.config.paper.price_improvement_share)
        credit = cost(short.lots) / (short.contracts * step.config.multiplier)
        if to_close > credit * keep:
            continue
        intents.append(
            OrderIntent(
                account=step.account.name,
                instrument=symbol,
                symbol=short.underlying,
                action=Action.BUY_TO_CLOSE,
                quantity=short.contracts,
                limit_price=to_close,
                purpose="take_profit",
                session=step.market.session,
                decided_at=at,
                cause=f"order/{short.lots[0].chain_id}/created",
                config_fingerprint=step.state.config_fingerprint,
                evidence={
                    "credit": f"{credit:.4f}",
                    "decayed_share": f"{1 - to_close / credit:.4f}",
                },
            )
        )
    return intents
