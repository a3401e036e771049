"""Changes of protection levels: the event with its actions and exact orders, and the alert that tells of it.

What a level is, ``protection.levels`` says; here a reading that differs becomes what the journal keeps. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from alluse_assets.alerts.alert import Alert, AlertType, alert_event
from alluse_assets.base.config.model_fields import Priority
from alluse_assets.base.config.model_protection import Action
from alluse_assets.base.events import Event, Json
from alluse_assets.base.money import text
from alluse_assets.journal.event_types import EventType
from alluse_assets.protection.levels import LEVEL_NAMES, LevelReading, action_words, actions_at, read_level
from alluse_assets.protection.state import Chain
from alluse_assets.strategies.account_step import AccountStep
from alluse_assets.strategies.scripts import action_script

_PRIORITIES: Mapping[str, Priority] = {
    "alert_medium": "MEDIUM",
    "alert_high": "HIGH",
    "alert_critical": "CRITICAL",
}


def level_events(step: AccountStep, prices: Mapping[str, Decimal], at: datetime, moment: str) -> list[Event]:
    """Every change of a level in an account, with the alert that its actions ask for.

    Args:
        step: the account.
        prices: of the underlyings at this moment, USD per share.
        at: the moment.
        moment: ``open`` or ``quotes``, for the journal.
    """
    if not step.config.protection.enabled:
        return []
    events = []
    for chain in step.chains:
        if chain.symbol not in prices:
            continue
        price = prices[chain.symbol]
        iv, delta = step.sensitivities(chain) if moment == "quotes" else (None, None)
        reading = read_level(chain, price, step.config.protection, iv, delta)
        if reading.level != chain.level:
            events += _level_change(step, chain, reading, price, at, moment)
        elif chain.script_due and moment == "quotes":
            events += _script_ready(step, chain, at)
    return events


def _script_ready(step: AccountStep, chain: Chain, at: datetime) -> list[Event]:
    """The exact orders of a level that came when nothing was quoted, told as the level was."""
    actions = actions_at(step.config.protection, step.kind, chain.right, chain.level)
    script = action_script(step, chain, actions, priced=True)
    key = f"script/{chain.id}/{at:%Y%m%dT%H%M%S}"
    payload: dict[str, Json] = {
        "session": step.market.session.isoformat(),
        "account": chain.account,
        "chain": chain.id,
        "symbol": chain.symbol,
        "level": chain.level,
        "script": script,
    }
    words = f"{chain.account}: {chain.symbol}, level {chain.level}: the orders are ready"
    return [
        Event(EventType.SCRIPT_READY, at, "rule:protection", key, payload),
        *_alert(chain, actions, key, words, script, at),
    ]


def _level_change(
    step: AccountStep,
    chain: Chain,
    reading: LevelReading,
    price: Decimal,
    at: datetime,
    moment: str,
) -> list[Event]:
    level, multiple = reading.level, reading.multiple
    actions = actions_at(step.config.protection, step.kind, chain.right, level)
    script = action_script(step, chain, actions, priced=moment == "quotes")
    key = f"level/{chain.id}/{at:%Y%m%dT%H%M%S}/{level}"
    payload: dict[str, Json] = {
        "session": step.market.session.isoformat(),
        "account": chain.account,
        "chain": chain.id,
        "symbol": chain.symbol,
        "right": chain.right,
        "level_from": chain.level,
        "level_to": level,
        "move_level": reading.move_level,
        "multiple": text(multiple),
        "atr": text(chain.anchor_atr),
        "anchor_price": text(chain.anchor_price),
        "price": text(price),
        "at": moment,
        "triggers": list(reading.triggers),
        "actions": list(actions),
        "script": script,
    }
    events = [Event(EventType.LEVEL_CHANGED, at, "rule:protection", key, payload)]
    if level > chain.level:
        side = "put" if chain.right == "P" else "covered call"
        words = (
            f"{chain.account}: {chain.symbol} is {multiple:.2f} ATR against the {side}, level {level} "
            f"({LEVEL_NAMES[level]}): {action_words(actions)}"
        )
        events += _alert(chain, actions, key, words, script, at, question="ask_person" in actions)
    return events


def _alert(
    chain: Chain,
    actions: Sequence[Action],
    key: str,
    words: str,
    script: Sequence[Json],
    at: datetime,
    question: bool = False,
) -> list[Event]:
    """The alert of a level, as urgent as its actions say; a question is told of in any case."""
    asks: Priority | None = "MEDIUM" if question else None
    priority = next((_PRIORITIES[action] for action in actions if action in _PRIORITIES), asks)
    if priority is None:
        return []
    kind, about = AlertType.PROTOCOL, f"level/{chain.id}"
    alert = Alert(key, kind, priority, words, chain.account, chain.symbol, script, question, about)
    return [alert_event(alert, at, "rule:protection", key)]
