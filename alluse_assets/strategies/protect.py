"""Protection at work: what one step or one close does to levels, holds, drawdowns and breakers.

The numbers are judged in ``protection``; here each finding becomes the event that changes the book's
state, the alert that tells of it, and the hold that follows. Every function returns events to record, in
order, and looks at nothing but its arguments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

from alluse_assets.accounts.states import lift_hold, place_hold
from alluse_assets.alerts.alert import Alert, AlertType, alert_event
from alluse_assets.base.config.model_fields import Priority
from alluse_assets.base.config.model_protocol import ProtocolConfig
from alluse_assets.base.events import Event, Json
from alluse_assets.base.money import text
from alluse_assets.journal.event_types import EventType
from alluse_assets.ledger.account_state import AccountState
from alluse_assets.ledger.book_state import BookState
from alluse_assets.ledger.unit_value import UnitValue
from alluse_assets.protection.circuit_breakers import (
    Tier,
    VixReading,
    is_stale,
    tier_by_value,
    tier_in_force,
)
from alluse_assets.protection.drawdown import deep_closes, pivot_begins, pivot_ends
from alluse_assets.protection.levels import actions_at
from alluse_assets.protection.state import Chain, CoolOff, protect
from alluse_assets.strategies.account_step import AccountStep

_TIER_HOLDS = {Tier.SAFE: "vix_safe", Tier.CLOSE_ONLY: "vix_close_only"}
_TIER_NAMES = ("none", "half of deployable", "SAFE", "CLOSE_ONLY")


def breaker_events(
    state: BookState,
    reading: VixReading | None,
    sessions_before: Sequence[date],
    session: date,
    at: datetime,
    new_session: bool,
    config: ProtocolConfig,
) -> list[Event]:
    """What the volatility index changes now.

    Args:
        state: the book.
        reading: the index as known now.
        sessions_before: the latest sessions before this one, as many as staleness looks back.
        session: this session.
        at: the instant.
        new_session: whether this is the session's first look.
        config: the configuration in force.
    """
    rules, before = config.circuit_breakers, Tier(state.protection.vix_tier)
    stale = rules.enabled and is_stale(reading, sessions_before, session, rules.max_stale_sessions)
    by_value = tier_by_value(Tier(state.protection.vix_tier_by_value), reading, new_session, rules)
    tier = tier_in_force(by_value, stale, rules)
    if tier == before and by_value == state.protection.vix_tier_by_value:
        return []
    key = f"breaker/{session}/{'open' if new_session else 'quotes'}/{at:%H%M%S}"
    value = f"{reading.points.normalize():f} of {reading.session}" if reading else "unknown"
    payload: dict[str, Json] = {
        "session": session.isoformat(),
        "tier_from": int(before),
        "tier_to": int(tier),
        "tier_by_value": int(by_value),
        "vix": text(reading.points) if reading else None,
        "vix_session": reading.session.isoformat() if reading else None,
        "is_stale": stale,
    }
    events = [Event(EventType.BREAKER_CHANGED, at, "rule:circuit_breakers", key, payload)]
    if tier != before:
        why = f"{config.market.vix_symbol} is {value}" + (", which is stale" if stale else "")
        priority: Priority = "CRITICAL" if tier >= Tier.SAFE and tier > before else "HIGH"
        words = f"Circuit breaker: {_TIER_NAMES[tier]} (was {_TIER_NAMES[before]}): {why}"
        if stale and tier > before:
            words += "; bring its bars up to date, or switch circuit_breakers.enabled off"
        alert = Alert(key, AlertType.PROTOCOL, priority, words, dedup_key=f"breaker/{int(tier)}")
        events.append(alert_event(alert, at, "rule:circuit_breakers", key))
        events += _tier_holds(state, tier, why, at)
    return events


def _tier_holds(state: BookState, tier: Tier, why: str, at: datetime) -> list[Event]:
    events, protection = [], state.protection
    for name in sorted(state.accounts):
        for one, hold in _TIER_HOLDS.items():
            event = (
                place_hold(protection, name, hold, why, at, "rule:circuit_breakers")
                if tier >= one
                else lift_hold(protection, name, hold, why, at, "rule:circuit_breakers", "rule")
            )
            if event:
                events.append(event)
                protection = protect(protection, event)
    return events


def lapse_events(
    state: BookState,
    prices: Mapping[str, Decimal],
    atr: Mapping[str, Decimal],
    session: date,
    at: datetime,
    config: ProtocolConfig,
) -> list[Event]:
    """What a session's open ends: cool-offs that are over, and deep drawdowns.

    After the cool-off the symbol is anchored anew to the price and ATR of now, so its level is 0 again;
    that lifts it unless a person is to (``questions.lift_events``).
    """
    events = []
    for _, cooling in sorted(state.protection.cool_offs.items()):
        if session < cooling.until or config.protection.reanchor_by != "rule":
            continue
        events.append(cool_off_ended(cooling, prices, atr, session, at, "rule"))
    for symbol, deep in sorted(state.protection.deep.items()):
        if session >= deep.until:
            key = f"deep/{symbol}/ended/{session}"
            ended: dict[str, Json] = {"symbol": symbol, "session": session.isoformat()}
            events.append(Event(EventType.DEEP_DRAWDOWN_ENDED, at, "rule:drawdown", key, ended))
    return events


def cool_off_ended(
    cooling: CoolOff,
    prices: Mapping[str, Decimal],
    atr: Mapping[str, Decimal],
    session: date,
    at: datetime,
    by: str,
    cause: str | None = None,
) -> Event:
    """The end of a cool-off: the symbol is anchored to the price and ATR of now. ``by``: rule, or a name."""
    symbol = cooling.symbol
    payload: dict[str, Json] = {
        "account": cooling.account,
        "symbol": symbol,
        "chain": cooling.chain,
        "price": text(prices[symbol]) if symbol in prices else None,
        "atr": text(atr[symbol]) if symbol in atr else None,
        "level_from": cooling.level,
        "level_to": 0,
        "by": by,
    }
    key = f"cool_off/{cooling.chain}/ended/{session}"
    return Event(EventType.COOL_OFF_ENDED, at, "rule:protection", key, payload, cause=cause)


def safe_holds(step: AccountStep, at: datetime) -> list[Event]:
    """Holds of an account for symbols at level 3 whose table says SAFE, and the end of what is over.

    What a person has lifted is not placed again before the chain comes to its level anew.
    """
    protection, name = step.state.protection, step.account.name
    wanted = set()
    found: list[Chain | CoolOff] = [*protection.chains_that_count(name)]
    found += [cooling for cooling in protection.cool_offs.values() if cooling.account == name]
    for one in found if step.config.protection.enabled else ():
        actions = actions_at(step.config.protection, step.kind, one.right, one.level)
        if "account_safe" in actions and not one.safe_lifted:
            wanted.add(one.symbol)
    held = {hold.partition(":")[2] for hold in protection.holds.get(name, {}) if hold.startswith("level_3:")}
    events: list[Event] = []
    for symbol in sorted(wanted ^ held):
        hold, actor = f"level_3:{symbol}", "rule:protection"
        event = (
            place_hold(protection, name, hold, f"{symbol} is at level 3", at, actor)
            if symbol in wanted
            else lift_hold(protection, name, hold, f"{symbol} has left level 3", at, actor, "rule")
        )
        if event:
            events.append(event)
            protection = protect(protection, event)  # The next one's states count from here.
    return events


def cool_off_events(
    state: BookState, until: date, session: date, at: datetime, config: ProtocolConfig
) -> list[Event]:
    """The cool-off of each symbol whose chain ended at level 3 in this session; none with protection off."""
    events: list[Event] = []
    if not config.protection.enabled:
        return events
    for chain in sorted(state.protection.chains.values(), key=lambda one: one.id):
        if chain.contracts or chain.level < 3:
            continue
        if chain.ended_at is not None and chain.ended_at > at:
            continue  # In a later session, while this one's close waited.
        payload: dict[str, Json] = {
            "session": session.isoformat(),
            "account": chain.account,
            "symbol": chain.symbol,
            "chain": chain.id,
            "right": chain.right,
            "level": chain.level,
            "until": until.isoformat(),
        }
        key = f"cool_off/{chain.id}/begun/{session}"
        events.append(Event(EventType.COOL_OFF_BEGUN, at, "rule:protection", key, payload))
    return events


def deep_events(
    state: BookState,
    closes: Mapping[str, Decimal],
    until: date,
    session: date,
    at: datetime,
    config: ProtocolConfig,
) -> list[Event]:
    """Deep drawdowns of a close; one that lasts starts its cool-off anew, and is told of once."""
    if not config.drawdown.deep_enabled:
        return []
    events = []
    share = config.week_types.deep_drawdown
    found = deep_closes(state.accounts.values(), state.ended_of_session, closes, share)
    for symbol, deep in sorted(found.items()):
        payload: dict[str, Json] = {
            "session": session.isoformat(),
            "symbol": symbol,
            "account": deep.account,
            "contract": deep.contract,
            "close": text(deep.close),
            "strike": text(deep.strike),
            "under": text(deep.under),
            "until": until.isoformat(),
        }
        key = f"deep/{symbol}/begun/{session}"
        events.append(Event(EventType.DEEP_DRAWDOWN_BEGUN, at, "rule:drawdown", key, payload))
        if symbol not in state.protection.deep:
            words = (
                f"{symbol} closed at {deep.close}, {deep.under:.1%} under the strike of a put of "
                f"{deep.account}: no new puts on it in any account before {until}"
            )
            alert = Alert(
                key,
                AlertType.PROTOCOL,
                config.alerts.deep_drawdown,
                words,
                deep.account,
                symbol,
                dedup_key=f"deep/{symbol}",
            )
            events.append(alert_event(alert, at, "rule:drawdown", key))
    return events


def pivot_events(
    account: AccountState,
    value: UnitValue,
    state: BookState,
    resumes_from: date,
    session: date,
    at: datetime,
    config: ProtocolConfig,
) -> list[Event]:
    """Whether the account's drawdown pivot begins or ends with this close. ``value``: after the close."""
    pivot = state.protection.pivots.get(account.name)
    rules = config.accounts.of(account.kind)  # type: ignore[arg-type]
    facts: dict[str, Json] = {
        "session": session.isoformat(),
        "account": account.name,
        "unit_value": text(value.unit),
        "high_water_mark": text(value.high),
        "drawdown": text(value.drawdown),
    }
    if pivot is None and pivot_begins(value, rules, config.drawdown):
        key = f"pivot/{account.name}/begun/{session}"
        begun = {**facts, "resumes_from": resumes_from.isoformat()}
        words = (
            f"{account.name}: unit value {-value.drawdown:.1%} under its high-water mark: calls only, no new "
            f"puts until within {config.drawdown.within_share_of_mark:.0%} of the mark"
        )
        alert = Alert(key, AlertType.PROTOCOL, "HIGH", words, account.name, dedup_key=f"pivot/{account.name}")
        return [
            Event(EventType.PIVOT_BEGUN, at, "rule:drawdown", key, begun),
            alert_event(alert, at, "rule:drawdown", key),
        ]
    if pivot is not None and pivot_ends(value, config.drawdown):
        return [
            Event(EventType.PIVOT_ENDED, at, "rule:drawdown", f"pivot/{account.name}/ended/{session}", facts)
        ]
    return []
