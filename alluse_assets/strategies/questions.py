"""What the protocol wants a person to decide besides orders (sections 4 and 7), at one step of a session.

An account without shares in a drawdown pivot sells puts again, and a symbol's level is lifted after its
cool-off. Where the configuration leaves it to the rule, the rule does it. Pure: events to record, in order.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from alluse_assets.accounts.states import allows_entries, allows_exits, status_of
from alluse_assets.base.config.model_protocol import ProtocolConfig
from alluse_assets.base.events import Event, Json
from alluse_assets.execution.questions import Question, ask
from alluse_assets.journal.event_types import EventType
from alluse_assets.ledger.book_state import BookState
from alluse_assets.protection.state import CoolOff
from alluse_assets.strategies.protect import cool_off_ended

Policy = Literal["yes", "no"] | None


def resume_events(
    state: BookState, session: date, at: datetime, closes_at: datetime, policy: Policy, config: ProtocolConfig
) -> list[Event]:
    """Puts resume, at a part of their size, where a pivot leaves an account nothing to write calls on.

    Args:
        state: the book.
        session: this session.
        at: now.
        closes_at: the session's close: until then a person is asked; the next session asks again.
        policy: what a replay answers; None where a person is asked.
        config: the configuration in force.
    """
    events: list[Event] = []
    for name, pivot in sorted(state.protection.pivots.items()):
        may_enter = allows_entries(status_of(state.protection, name))
        account, lot = state.accounts[name], config.multiplier
        # Less than a lot is nothing to write a call on.
        has_lots = any(account.shares_held(symbol) >= lot for symbol in account.shares)
        if pivot.resumed or session < pivot.resumes_from or has_lots or not may_enter:
            continue
        by = "rule"
        cause: str | None = None
        if config.drawdown.resume_needs_approval:
            question = Question(
                kind="resume_puts",
                account=name,
                symbol=None,
                subject={
                    "account": name,
                    "resumes_from": pivot.resumes_from.isoformat(),
                    "size_share": f"{Decimal(str(config.drawdown.resume_put_size_share)):f}",
                },
                requested_by="rule:drawdown",
                expires_at=closes_at,
                cause=f"session/{session}/opened",
            )
            asking, yes = ask(question, state.approvals, session, at, policy)
            events += asking
            if yes is None:
                continue
            by, cause = str(yes.answered_by), f"approval/{yes.approval}/used"
        payload: dict[str, Json] = {"session": session.isoformat(), "account": name, "by": by}
        key = f"pivot/{name}/resumed/{session}"
        events.append(Event(EventType.PUTS_RESUMED, at, "rule:drawdown", key, payload, cause=cause))
    return events


def lift_events(
    state: BookState,
    prices: Mapping[str, Decimal],
    atr: Mapping[str, Decimal],
    session: date,
    at: datetime,
    expires_at: datetime,
    policy: Policy,
    config: ProtocolConfig,
) -> list[Event]:
    """Cool-offs that are over and end only by a person; the rule's own end in ``protect.lapse_events``.

    Args:
        state: the book.
        prices: of the underlyings, USD per share: what a lifted level is anchored to.
        atr: their ATR, USD per share.
        session: this session.
        at: now.
        expires_at: how long one request asks; then it asks again.
        policy: what a replay answers; None where a person is asked.
        config: the configuration in force.
    """
    if config.protection.reanchor_by != "person":
        return []
    events: list[Event] = []
    over: dict[tuple[str, str], list[CoolOff]] = {}
    for _, cooling in sorted(state.protection.cool_offs.items()):
        if session >= cooling.until and allows_exits(status_of(state.protection, cooling.account)):
            over.setdefault((cooling.account, cooling.symbol), []).append(cooling)
    for (account, symbol), cooled in sorted(over.items()):
        question = Question(
            kind="lift_level",
            account=account,
            symbol=symbol,
            subject={
                "account": account,
                "symbol": symbol,
                "chains": [cooling.chain for cooling in cooled],
                "level_from": max(cooling.level for cooling in cooled),
                "cooled_off": max(cooling.until for cooling in cooled).isoformat(),
            },
            requested_by="rule:protection",
            expires_at=expires_at,
            cause=f"session/{session}/opened",
        )
        asking, yes = ask(question, state.approvals, session, at, policy)
        events += asking
        if yes is not None:
            by, cause = str(yes.answered_by), f"approval/{yes.approval}/used"
            events += [cool_off_ended(one, prices, atr, session, at, by, cause) for one in cooled]
    return events
