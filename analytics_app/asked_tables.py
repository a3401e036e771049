"""The parts of the page on approvals and alerts: cards of open requests, tables, their empty cases."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

import polars as pl
import streamlit as st

from alluse_assets.alerts.states import AlertState
from analytics_app.asked_figures import (
    Asked,
    alert_rows,
    answered_requests,
    delivery_rows,
    would_text,
)
from analytics_app.protocol_queries import Sent
from analytics_app.protocol_words import as_it_stands, clock_text, name_of, script_orders
from analytics_app.script_table import show_script

_CHOICES = {"open": "Not resolved", "all": "All"}
_COLOUR = {"CRITICAL": "red", "HIGH": "orange", "MEDIUM": "blue", "LOW": "gray"}
_MOST_CARDS = 20


def show_open(found: Sequence[Asked], kind: str | None) -> None:
    """A card a request: exactly what would be done, why it asks, until when, and how to answer."""
    st.subheader("Waiting for an answer", anchor=False)
    if not found:
        told = "A replay answers by itself, by `approvals.replay_answer`." if kind == "replay" else ""
        st.info(f"Nothing waits for an answer. {told}", icon=":material/check_circle:")
        return
    for one in found[:_MOST_CARDS]:
        with st.container(border=True):
            st.markdown("  \n".join(f"**{as_it_stands(would_text(line))}**" for line in one.would))
            earned = f", premium yield {one.yield_text}" if one.yield_text else ""
            st.markdown(
                f"Asked because {as_it_stands(one.reasons)}{earned}.  \n"
                f"Asked by {as_it_stands(one.requested_by)}, open until "
                f"**{one.expires} New York**. What a yes binds to begins with `{one.hash_prefix}`."
            )
            st.code(f"{one.approve}\n{one.reject}", language="bash", wrap_lines=True)
    if len(found) > _MOST_CARDS:
        st.caption(
            f"The first {_MOST_CARDS} of {len(found)} to expire; `alluse approvals` lists all of them."
        )


def show_answered(approvals: pl.DataFrame) -> None:
    """What was asked before, who answered what, and what became of it."""
    st.subheader("Asked before", anchor=False)
    rows = answered_requests(approvals)
    if rows.is_empty():
        st.info("Nothing was asked before.")
        return
    st.dataframe(
        rows.select(
            *("asked", "state", "account", "would", "reasons", "answered_by", "answer", "answered", "why"),
            *("requested_by", "hash"),
        ),
        hide_index=True,
        height=390 if rows.height > 10 else "content",
        column_config={
            "asked": _when("Asked, New York"),
            "state": "What became of it",
            "account": "Account",
            "would": st.column_config.TextColumn("What a yes would do", width="large"),
            "reasons": st.column_config.TextColumn("Asked because", width="medium"),
            "answered_by": "Answered by",
            "answer": "Answer",
            "answered": _when("Answered, New York"),
            "why": st.column_config.TextColumn("In their words", width="medium"),
            "requested_by": "Asked by",
            "hash": st.column_config.TextColumn("Hash begins", help="What the answer is bound to"),
        },
        placeholder="",
        alt=f"Requests that are not open any more, newest first: {rows.height}",
    )
    st.caption(f"Requests: {rows.height:,}.")


def show_alerts(alerts: pl.DataFrame, sent: Sent | None, book: str) -> None:
    """Alerts with priority and state; below them the action script and deliveries of one."""
    st.subheader("Alerts", anchor=False)
    if alerts.is_empty():
        st.info("The book has raised no alert.", icon=":material/check_circle:")
        return
    rows = alert_rows(alerts, sent.standings if sent else ())
    bar = st.container(horizontal=True, vertical_alignment="bottom")
    which = bar.segmented_control(
        "Which",
        list(_CHOICES),
        format_func=_CHOICES.__getitem__,
        default="open",
        required=True,
        key="alerts",
        bind="query-params",
    )
    urgent = bar.multiselect(
        "Priority", list(_COLOUR), key="priority", bind="query-params", placeholder="all", width=320
    )
    kept = rows if which == "all" else rows.filter(pl.col("state") != AlertState.RESOLVED.value)
    kept = kept.filter(pl.col("priority").is_in(urgent)) if urgent else kept
    if kept.is_empty():
        st.info("No alert fits. Choose All, or other priorities.")
        return
    picked = st.dataframe(
        kept.select("priority", "state", "raised", "account", "symbol", "about", "text", "orders", "sent"),
        hide_index=True,
        height=390 if kept.height > 10 else "content",
        column_config={
            "priority": "Priority",
            "state": "State",
            "raised": _when("Raised, New York"),
            "account": "Account",
            "symbol": "Ticker",
            "about": "Type",
            "text": st.column_config.TextColumn("What", width="large"),
            "orders": st.column_config.TextColumn("Action script", width="medium"),
            "sent": st.column_config.TextColumn("Sent", width="medium"),
        },
        placeholder="",
        on_select="rerun",
        selection_mode="single-row",
        key="alert",
        alt=f"Alerts, the most urgent first: {kept.height}",
    )
    marked = picked.selection.rows if picked else []
    at = marked[0] if marked and marked[0] < kept.height else 0
    st.caption(f"Alerts: {kept.height:,} of {rows.height:,}. Mark one to see all of it below.")
    _show_one(kept.row(at, named=True), book)


def _show_one(alert: dict[str, Any], book: str) -> None:
    with st.container(border=True):
        colour = _COLOUR[alert["priority"]]
        st.markdown(f":{colour}-badge[{alert['priority']}] **{as_it_stands(alert['text'])}**")
        asked = " A person is asked for a decision." if alert["question"] else ""
        answer = f" ({as_it_stands(alert['answer'])})" if alert["answer"] else ""
        st.markdown(
            f"Raised {clock_text(alert['raised_at'])} New York by {name_of(alert['actor'])}; "
            f"{alert['state']}{answer}.{asked}"
        )
        if script_orders(alert["script"]):
            st.markdown("**Action script**: the orders that are ready for it")
            show_script(alert["script"])
        st.markdown(f"Sent: {as_it_stands(alert['sent']) or 'to no channel'}")
        name = shlex.quote(alert["alert"])
        if alert["state"] == AlertState.NEW.value:
            st.code(
                f"alluse acknowledge {name} --book {book} --as YOUR_NAME", language="bash", wrap_lines=True
            )
        if alert["state"] != AlertState.RESOLVED.value:
            st.code(
                f'alluse resolve {name} --book {book} --as YOUR_NAME --why "…"',
                language="bash",
                wrap_lines=True,
            )


def show_deliveries(sent: Sent | None) -> None:
    """Every try to tell somebody, the failed ones with their error and when they are tried again."""
    st.subheader("Deliveries", anchor=False)
    if sent is None:
        st.info(
            "What was sent is in the database, which this page was not given. Start it with `alluse up`, or "
            "set `ALLUSE_DATABASE_URL`. Then reload."
        )
        return
    if sent.why_nothing:
        st.warning(f"Nothing is sent: {sent.why_nothing}.", icon=":material/notifications_off:")
    else:
        st.caption(f"Channels: {', '.join(sent.channels)}.")
    rows = delivery_rows(sent.tries, sent.standings)
    if rows.is_empty() and sent.why_nothing:
        return
    if rows.is_empty():
        st.info("No delivery was tried yet. `alluse notify --watch`, or the sensor `notifier`, sends.")
        return
    st.dataframe(
        rows.select("at", "channel", "outcome", "error", "after", "next", "kind", "attempt", "alert"),
        hide_index=True,
        height=390 if rows.height > 10 else "content",
        column_config={
            "at": _when("Tried, New York"),
            "channel": "Channel",
            "outcome": "Outcome",
            "error": st.column_config.TextColumn("Error", width="large"),
            "after": "Then",
            "next": _when("Again from, New York"),
            "kind": st.column_config.TextColumn("Kind", help="first, digest, retry or escalation"),
            "attempt": "Try",
            "alert": st.column_config.TextColumn("Alert", width="medium"),
        },
        placeholder="",
        alt=f"Deliveries, newest first: {rows.height}",
    )
    failed = rows.filter(outcome="failed").height
    st.caption(f"Tries: {rows.height:,}; failed {failed:,}.")


def _when(label: str) -> Any:
    return st.column_config.DatetimeColumn(label, format="YYYY-MM-DD HH:mm")
