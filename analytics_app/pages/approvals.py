"""What a book asks a person, and what it tells: open approvals with the command that answers, alerts.

Read top to bottom as on the screen. Book and filters are in the URL. The page only shows: an answer is an
event with a person's name, and is given by the command.
"""

from __future__ import annotations

import polars as pl
import streamlit as st

from alluse_assets.alerts.delivery import StandingState
from alluse_assets.alerts.states import AlertState
from alluse_assets.alerts.tables import ALERTS
from alluse_assets.base.errors import AlluseError
from alluse_assets.execution.approval_table import APPROVALS
from alluse_assets.execution.tables import ORDERS
from analytics_app import protocol_queries, queries
from analytics_app.asked_figures import Asked, open_requests
from analytics_app.asked_tables import show_alerts, show_answered, show_deliveries, show_open
from analytics_app.book_choice import choose_book, say_no_book, say_trouble, say_unreadable, source_text
from analytics_app.protocol_queries import Sent


def show() -> None:
    """The page."""
    title = st.empty()
    title.title("Approvals and alerts", anchor=False)
    lake = queries.lake_here()
    try:
        known = protocol_queries.known_books(lake)
        if not known.names:
            say_no_book(lake.url, known.trouble)
        book = choose_book(st.container(horizontal=True), known)
        tables = protocol_queries.protocol_tables(lake, book, known)
    except AlluseError as error:
        say_unreadable(error)
    title.title(f"Approvals and alerts: book {book}", anchor=False)
    if tables.trouble:
        say_trouble(tables.trouble)
    st.caption(
        f"{source_text(tables)} This page only shows: answer with the commands below, which keep your name "
        "in the journal. Unanswered means no."
    )
    approvals, alerts = tables.of(APPROVALS), tables.of(ALERTS)
    asked = open_requests(approvals, tables.of(ORDERS), book)
    _show_headlines(asked, alerts, tables.sent)
    show_open(asked, tables.kind)
    show_alerts(alerts, tables.sent, book)
    show_deliveries(tables.sent)
    show_answered(approvals)


def _show_headlines(asked: list[Asked], alerts: pl.DataFrame, sent: Sent | None) -> None:
    standing = alerts.filter(pl.col("state") != AlertState.RESOLVED.value)
    unseen = standing.filter(state=AlertState.NEW.value)
    failing = sum(bool(one.error) and one.next is not None for one in sent.standings) if sent else 0
    given_up = sum(one.state is StandingState.GIVEN_UP for one in sent.standings) if sent else 0
    grid = st.grid(4, min_column_width=200)
    for name, value, told in (
        ("Open approvals", f"{len(asked):,}", f"first expires {asked[0].expires}" if asked else "none waits"),
        (
            "Unanswered CRITICAL",
            f"{unseen.filter(priority='CRITICAL').height:,}",
            f"alerts; of all priorities {unseen.height:,}",
        ),
        ("Alerts not resolved", f"{standing.height:,}", f"of {alerts.height:,} raised"),
        (
            "Failed deliveries",
            "not known" if sent is None else f"{failing + given_up:,}",
            "the database was not asked"
            if sent is None
            else f"{failing:,} tried again, {given_up:,} given up",
        ),
    ):
        with grid.cell(), st.container(border=True, height="stretch"):
            st.metric(name, value)
            st.caption(told)


show()
