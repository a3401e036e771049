"""Action scripts: the exact orders that a level's actions come to, kept with the alert (section 4)."""

from __future__ import annotations

from collections.abc import Collection

from alluse_assets.base.events import Json
from alluse_assets.base.money import text
from alluse_assets.execution.order import OrderIntent
from alluse_assets.ledger.account_state import ShortOption
from alluse_assets.protection.state import Chain
from alluse_assets.strategies.account_step import AccountStep
from alluse_assets.strategies.exits import cost_to_close
from alluse_assets.strategies.hedge import decide_purchase
from alluse_assets.strategies.rolls import decide_roll


def action_script(step: AccountStep, chain: Chain, actions: Collection[str], priced: bool) -> list[Json]:
    """What to send for each open contract of a chain; prices only where there are quotes (``priced``).

    Each order: what it is for, action, instrument, quantity, limit_price (USD per share; null where there
    is no quote yet). A roll that has no target, or a hedge that cannot be bought, says why in ``why_not``;
    a hedge that is not chosen yet names its index.
    """
    orders: list[Json] = []
    for contract, short in sorted(step.account.shorts.items()):
        if short.chain_id != chain.id:
            continue
        if "close" in actions:
            orders.append(_close(step, contract, short, priced))
        elif {"roll", "prepare_roll"} & set(actions):
            orders += _roll(step, contract, short, chain) if priced else [_bare("roll", contract, short)]
    if "hedge" in actions:
        orders += _hedge(step, chain, priced)
    return orders


def _hedge(step: AccountStep, chain: Chain, priced: bool) -> list[Json]:
    if any(option.contract.right == "P" for option in step.account.longs.values()):
        return []
    decision = decide_purchase(step, [chain.id]) if priced else None
    if decision is not None and decision.intent is not None:
        return [_order("hedge", decision.intent)]
    bare: dict[str, Json] = {
        "for": "hedge",
        "action": "BUY_TO_OPEN",
        "instrument": step.config.protection.hedge.underlying,
        "quantity": None,
        "limit_price": None,
    }
    return [bare if decision is None else {**bare, "why_not": decision.event.payload["outcome"]}]


def _roll(step: AccountStep, contract: str, short: ShortOption, chain: Chain) -> list[Json]:
    decision = decide_roll(step, contract, short, chain, "script")
    if decision.close is None or decision.open is None:
        return [{**_bare("roll", contract, short), "why_not": decision.event.payload["outcome"]}]
    return [_order("roll", decision.close), _order("roll", decision.open)]


def _close(step: AccountStep, contract: str, short: ShortOption, priced: bool) -> Json:
    limit = cost_to_close(step, contract, short) if priced else None
    return {**_bare("close", contract, short), "limit_price": None if limit is None else text(limit)}


def _bare(purpose: str, contract: str, short: ShortOption) -> dict[str, Json]:
    return {
        "for": purpose,
        "action": "BUY_TO_CLOSE",
        "instrument": contract,
        "quantity": short.contracts,
        "limit_price": None,
    }


def _order(purpose: str, intent: OrderIntent) -> dict[str, Json]:
    return {
        "for": purpose,
        "action": intent.action.value,
        "instrument": intent.instrument,
        "quantity": intent.quantity,
        "limit_price": text(intent.limit_price),
    }
