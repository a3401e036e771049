"""How a page about one book begins: which book, in the URL; what is said where there is none."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from alluse_assets.accounts.tables import BOOK_TERMS
from alluse_assets.base.calendar import NEW_YORK
from analytics_app.protocol_queries import KnownBooks, ProtocolTables


def plain(given: str) -> str:
    """What a URL says, so that it can stand between backticks: a link must not put its markup on the page."""
    return given.replace("`", "'")[:60]


def choose_book(bar: DeltaGenerator, known: KnownBooks) -> str:
    """One of ``known``, kept in the URL; what the URL asks for in vain is told."""
    asked = st.query_params.get("book")
    names = known.names
    book = bar.selectbox(
        "Book",
        names,
        index=names.index("sample") if "sample" in names else 0,
        key="book",
        bind="query-params",
        width=220,
    )
    if asked is not None and asked not in names:
        st.warning(
            f"There is no book `{plain(asked)}` here, so this is `{book}`. Books here: {', '.join(names)}."
        )
    return book


def say_no_book(where: str, trouble: str) -> None:
    """That there is no book, and what makes one. Ends the page."""
    if trouble:
        say_trouble(trouble)
    st.info(
        "Run `make run` in the project's folder: it trades two years of the sample market in about a "
        f"minute. Then reload this page. Looked in `{where}`; `ALLUSE_HOME` names another installation.",
        title="There is no book yet",
        icon=":material/inbox:",
    )
    st.stop()


def say_trouble(trouble: str) -> None:
    """That the database could not be asked."""
    st.warning(
        f"{trouble}\n\nThis page goes on with the lake alone and asks again after a minute. Start the "
        "server, or unset `ALLUSE_DATABASE_URL`.",
        title="The database cannot be asked",
    )


def say_unreadable(error: Exception) -> None:
    """That the tables cannot be read. Ends the page."""
    st.error(
        f"{error}\n\nThe source of a book's tables is its journal: run `alluse up` and materialise the table "
        "in the Dagster UI, where any one partition makes all of it again. Then reload this page.",
        title="The book cannot be read",
    )
    st.stop()


def source_text(tables: ProtocolTables) -> str:
    """Where the page's rows come from, up to when they go, and whether a model priced its options."""
    modelled = tables.of(BOOK_TERMS)["model_priced"].any()
    priced = " **Its option prices and VIX are model-priced.**" if modelled else ""
    if tables.until is None:
        return (
            "Read from the lake, which has what the book had when its tables were last made. Under "
            f"`alluse up` this page reads the journal as it is now.{priced}"
        )
    until = f"{tables.until.astimezone(NEW_YORK):%a %Y-%m-%d %H:%M}"
    return (
        f"A **{tables.kind}** book, read from its journal, whose last event is of **{until} New York time**."
        f"{priced}"
    )
