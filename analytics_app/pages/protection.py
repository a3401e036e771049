"""Protection of one book: states of accounts, levels of open options, drawdowns and breakers, rolls.

Read top to bottom as on the screen: what needs somebody first, then its history. Book, session and filters
are in the URL, so a link shows the same page. It shows what the engine did and decides nothing.
"""

from __future__ import annotations

from datetime import date

import polars as pl
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from alluse_assets.base.errors import AlluseError
from alluse_assets.ledger.tables import BOOK_ROW, NET_ASSET_VALUE
from alluse_assets.protection.tables import (
    ACCOUNT_HOLDS,
    ACCOUNT_STATES,
    CHAIN_CONTRACTS,
    LEVEL_CHANGES,
    PROTECTION_LEVELS,
    PROTECTION_STOPS,
    ROLLS,
)
from analytics_app import protocol_queries, queries
from analytics_app.book_choice import (
    choose_book,
    plain,
    say_no_book,
    say_trouble,
    say_unreadable,
    source_text,
)
from analytics_app.charts import PALETTES
from analytics_app.drawdown_chart import drawdown_chart
from analytics_app.protection_figures import accounts_at
from analytics_app.protection_tables import (
    show_accounts,
    show_level_changes,
    show_positions,
    show_rolls,
    show_stops,
)
from analytics_app.protocol_queries import ProtocolTables
from analytics_app.protocol_words import TIER_TEXT

_LATEST = "latest"


def show() -> None:
    """The page."""
    title = st.empty()
    title.title("Protection", anchor=False)
    lake = queries.lake_here()
    try:
        known = protocol_queries.known_books(lake)
        if not known.names:
            say_no_book(lake.url, known.trouble)
        bar = st.container(horizontal=True, vertical_alignment="bottom")
        book = choose_book(bar, known)
        tables = protocol_queries.protocol_tables(lake, book, known)
    except AlluseError as error:
        say_unreadable(error)
    title.title(f"Protection: book {book}", anchor=False)
    if tables.trouble:
        say_trouble(tables.trouble)
    states = tables.of(ACCOUNT_STATES)
    if states.is_empty():
        _say_no_states(book)
    session = _choose_session(bar, states["session"].unique().sort(descending=True).to_list())
    st.caption(source_text(tables))
    values = tables.of(NET_ASSET_VALUE)
    _show_breaker(states, session)
    show_accounts(accounts_at(states, tables.of(ACCOUNT_HOLDS), tables.of(PROTECTION_STOPS), values, session))
    show_positions(tables.of(CHAIN_CONTRACTS), tables.of(PROTECTION_LEVELS), session)
    _show_drawdowns(tables, session)
    show_level_changes(tables.of(LEVEL_CHANGES), session)
    show_rolls(tables.of(ROLLS), session)


def _say_no_states(book: str) -> None:
    st.info(
        f"The tables of book `{book}` know of no account yet. `alluse run --book {book}` makes them of a "
        "replay; of a paper book this page reads the journal itself, under `alluse up`. Then reload it.",
        title="Nothing is known of its accounts",
        icon=":material/inbox:",
    )
    st.stop()


def _choose_session(bar: DeltaGenerator, sessions: list[date]) -> date:
    """One of ``sessions``, newest first; what the URL asks for in vain is told."""
    asked = st.query_params.get("session")
    options = [_LATEST, *map(str, sessions)]
    chosen = bar.selectbox("As of the close of", options, key="session", bind="query-params", width=200)
    if asked is not None and asked not in options:
        st.warning(f"`{plain(asked)}` is no session of this book, so this is the latest. Choose one above.")
    return sessions[0] if chosen == _LATEST else sessions[options.index(chosen) - 1]


def _show_breaker(states: pl.DataFrame, session: date) -> None:
    at = states.filter(pl.col("session") == session)
    tier = int(at["vix_tier"].max() or 0)  # type: ignore[arg-type]
    held = at.filter(pl.col("state") != "ACTIVE").height
    pivots = int(at["in_drawdown_pivot"].sum())
    st.markdown(
        f"As of **{session}**: **{at.height - held}** of {at.height} accounts ACTIVE, "
        f"**{pivots}** in a drawdown pivot, circuit breaker on the VIX: **{TIER_TEXT[tier]}**."
    )


def _show_drawdowns(tables: ProtocolTables, session: date) -> None:
    st.subheader("Drawdowns, breakers and cool-offs", anchor=False)
    until = pl.col("session") <= session
    values = tables.of(NET_ASSET_VALUE).filter(until, pl.col("account") != BOOK_ROW)
    if values.is_empty():
        st.info("No session has been closed yet, so no account has a high-water mark.")
    else:
        palette = PALETTES["dark" if st.context.theme.type == "dark" else "light"]
        chart = drawdown_chart(values, tables.of(ACCOUNT_STATES).filter(until), palette)
        st.plotly_chart(chart.figure, alt=chart.alt, config={"displayModeBar": False}, key="drawdowns")
        st.caption(
            "How far each account's unit value is under its high-water mark; thick where its drawdown pivot "
            "allows calls only."
        )
    show_stops(tables.of(PROTECTION_STOPS), session)


show()
