"""What a person reads of a ``Send``: plain words, short enough for a phone. Pure.

The state of an alert is the one at sending, and the command that answers it is part of the text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from alluse_assets.alerts.alert import CRITICAL, PRIORITIES, Alert, rank
from alluse_assets.alerts.channel import Message
from alluse_assets.alerts.delivery import Item, Send
from alluse_assets.alerts.states import AlertState, CurrentAlert
from alluse_assets.base.calendar import NEW_YORK, new_york_text
from alluse_assets.base.events import Json

HASH_SHOWN = 12
"""So much of a request's hash is shown to people: what they answer is checked against it."""
_MOST_LINES = 40
_LONGEST_TEXT = 1_500
_LONGEST_LINE = 300
"""A question's line says until when, at its end."""


def message_of(book: str, send: Send, alerts: Mapping[str, CurrentAlert], now: datetime) -> Message:
    """The message for one or several alerts of ``book``."""
    if len(send.items) == 1:
        return _of_one(book, send.items[0], alerts[send.items[0].alert], now)
    return _of_several(book, [alerts[item.alert] for item in send.items])


def trial_message(channel: str, now: datetime) -> Message:
    """What is sent to try a channel out."""
    words = f"Channel {channel} works. Sent on request, {new_york_text(now)}."
    return Message("ALL-USE: a test, nothing happened", words, "LOW")


def answer_lines(book: str, alert: Alert, name: str = "YOUR_NAME") -> list[str]:
    """The commands that answer an alert: yes and no to a request; else that somebody looks after it."""
    acknowledge = f"alluse acknowledge {alert.id} --book {book} --as {name}"
    if not alert.approval and alert.question:
        decided = f"alluse resolve {alert.id} --book {book} --as {name} --why WHAT_YOU_DID"
        return [f"You look after it: {acknowledge}", f"It is decided: {decided}"]
    if not alert.approval:
        return [acknowledge]
    lines = [
        f"Yes: {_approve(book, alert)} --as {name}",
        f"No: alluse reject {alert.approval} --book {book} --as {name}",
    ]
    return [*lines, f"Only no more reminders: {acknowledge}"] if alert.priority == CRITICAL else lines


def order_text(order: Json) -> str:
    """One order of an action script: ``BUY_TO_CLOSE 2 AAPL110114P00100000 at 1.20 USD (roll)``.

    What is not known yet is left out; an order that cannot be made says why.
    """
    part: Any = order
    words = [part.get("action"), part.get("quantity"), part.get("instrument")]
    told = " ".join(str(word) for word in words if word is not None)
    if part.get("limit_price") is not None:
        told += f" at {part['limit_price']} USD"
    if part.get("for"):
        told += f" ({part['for']})"
    return f"{told}: not possible, {part['why_not'].replace('_', ' ')}" if part.get("why_not") else told


def age_text(age: timedelta) -> str:
    """How long ago, in the largest unit that says it: ``45 s``, ``12 min``, ``5 h``, ``3 days``."""
    seconds = max(0, int(age.total_seconds()))
    for size, unit in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _of_one(book: str, item: Item, current: CurrentAlert, now: datetime) -> Message:
    alert = current.alert
    # A title is one line, also where it becomes the header of a letter.
    about = " ".join(" ".join(part for part in (book, alert.account, alert.symbol) if part).split())
    age = age_text(now - current.raised_at)
    urgency = f"{alert.priority}, unanswered for {age}" if item.round else alert.priority
    lines = [
        _cut(alert.text, _LONGEST_TEXT),
        "",
        f"Raised {_clock(current.raised_at)} New York, {age} ago, by {current.actor}; {_state(current)}.",
    ]
    if alert.question and not alert.approval:
        lines.append("A person is asked for a decision.")
    if alert.script:
        lines.append(
            _cut("Orders that are ready: " + "; ".join(map(order_text, alert.script)), _LONGEST_TEXT)
        )
    if item.like_it:
        lines.append(f"{len(item.like_it)} more like it were not sent: alluse alerts --book {book}")
    lines += ["", *answer_lines(book, alert)]
    kind = "needs your answer" if alert.approval else alert.type.value.replace("_", " ")
    return Message(f"{urgency}: {about} ({kind})", "\n".join(lines), alert.priority)


def _of_several(book: str, alerts: list[CurrentAlert]) -> Message:
    counts = Counter(one.alert.priority for one in alerts)
    told = ", ".join(f"{counts[name]} {name}" for name in reversed(PRIORITIES) if counts[name])
    ordered = sorted(alerts, key=lambda one: (-rank(one.alert.priority), one.raised_at))
    lines = [_line(book, one) for one in ordered[:_MOST_LINES]]
    if len(ordered) > _MOST_LINES:
        lines.append(f"and {len(ordered) - _MOST_LINES} more")
    lines += ["", f"alluse alerts --book {book}"]
    highest = ordered[0].alert.priority
    return Message(f"{len(alerts)} alerts of {book}: {told}", "\n".join(lines), highest)


def _line(book: str, current: CurrentAlert) -> str:
    alert = current.alert
    about = " ".join(part for part in (alert.account, alert.symbol) if part)
    state = "" if current.state is AlertState.NEW else f" [{_state(current)}]"
    text = _cut(" ".join(alert.text.split()), _LONGEST_LINE)
    if about and not text.startswith(f"{alert.account}:"):
        text = f"{about}: {text}"
    how = alert.id
    if alert.approval:
        how = _approve(book, alert)
    return f"{alert.priority} {_clock(current.raised_at)} {text}{state} ({how})"


def _approve(book: str, alert: Alert) -> str:
    return f"alluse approve {alert.approval} --hash {alert.approval_hash[:HASH_SHOWN]} --book {book}"


def _state(current: CurrentAlert) -> str:
    answer = current.resolved or current.acknowledged
    return f"{current.state.value} by {answer.by}" if answer else current.state.value


def _clock(moment: datetime) -> str:
    return f"{moment.astimezone(NEW_YORK):%a %m-%d %H:%M}"


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
