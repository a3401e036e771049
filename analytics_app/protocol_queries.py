"""What the protocol engine did in a book: from its journal as it is now, else from the lake.

The journal is asked where the environment names a database, as ``alluse up`` does: an open question and a
level of this hour are in no month of the lake yet. Both give the same tables, made by the same projections.
What was sent of alerts is in the database only.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import polars as pl
import psycopg
import streamlit as st

from alluse_assets.accounts.tables import BOOK_TERMS
from alluse_assets.adapters.lake import Lake
from alluse_assets.adapters.postgres.connect import connect, described, open_pool
from alluse_assets.adapters.postgres.deliveries import PostgresDeliveries
from alluse_assets.adapters.postgres.journal import PostgresJournal
from alluse_assets.adapters.postgres.server import URL_VARIABLE
from alluse_assets.alerts.delivery import Delivery, Standing, standings
from alluse_assets.alerts.states import ALERT_EVENTS, alerts_of
from alluse_assets.alerts.tables import ALERTS
from alluse_assets.base.calendar import trading_calendar
from alluse_assets.base.config.model_protocol import ProtocolConfig
from alluse_assets.base.errors import AlluseError, ServerError
from alluse_assets.base.table_catalog import Table
from alluse_assets.execution.approval_table import APPROVALS, late_are_expired
from alluse_assets.execution.tables import ORDERS
from alluse_assets.journal.store import BookKind
from alluse_assets.ledger.tables import NET_ASSET_VALUE
from alluse_assets.orchestration.book_config import config_of_book, profile_asked
from alluse_assets.orchestration.notifications import why_nothing_is_sent
from alluse_assets.protection.tables import (
    ACCOUNT_HOLDS,
    ACCOUNT_STATES,
    CHAIN_CONTRACTS,
    LEVEL_CHANGES,
    PROTECTION_LEVELS,
    PROTECTION_STOPS,
    ROLLS,
)
from alluse_assets.reporting.projections import project_now
from analytics_app import queries

SHOWN: tuple[Table, ...] = (
    *(ACCOUNT_STATES, ACCOUNT_HOLDS, PROTECTION_LEVELS, LEVEL_CHANGES, ROLLS, PROTECTION_STOPS),
    *(CHAIN_CONTRACTS, APPROVALS, ALERTS, ORDERS, NET_ASSET_VALUE, BOOK_TERMS),
)
_TROUBLE_SECONDS = 60
_NAME = "alluse app"


@dataclass(frozen=True, slots=True)
class Sent:
    """What was sent of a book's alerts.

    Attributes:
        standings: where each alert stands on each channel that it concerns.
        tries: every try to deliver.
        channels: names of those that are configured.
        why_nothing: why nothing is sent; empty: it is.
    """

    standings: tuple[Standing, ...] = ()
    tries: tuple[Delivery, ...] = ()
    channels: tuple[str, ...] = ()
    why_nothing: str = ""


@dataclass(frozen=True, slots=True)
class ProtocolTables:
    """The tables ``SHOWN`` of one book, all from one place.

    Attributes:
        tables: by name.
        kind: live, paper or replay; None where only the lake knows the book.
        until: the journal's last event; None for the lake.
        sent: None where no database could be asked.
        trouble: why the database that is named was not asked; empty when nothing is wrong.
    """

    tables: Mapping[str, pl.DataFrame]
    kind: BookKind | None = None
    until: datetime | None = None
    sent: Sent | None = None
    trouble: str = ""

    def of(self, table: Table) -> pl.DataFrame:
        """The rows of one of ``SHOWN``."""
        return self.tables[table.name]


@dataclass(frozen=True, slots=True)
class KnownBooks:
    """The books there are. ``kinds``: of those in the database; ``trouble``: as in ``ProtocolTables``."""

    names: list[str]
    kinds: Mapping[str, BookKind] = field(default_factory=dict)
    trouble: str = ""


def known_books(lake: Lake) -> KnownBooks:
    """The books that have closed a session, and those that the database has besides.

    Raises:
        DataError: a manifest cannot be read.
    """
    stored = queries.book_names(lake)
    url = os.environ.get(URL_VARIABLE)
    if not url:
        return KnownBooks(stored)
    if trouble := _why_not_asked(url):
        return KnownBooks(stored, trouble=trouble)
    try:
        with _stores(url) as (journal, _):
            opened = {row.name: row.kind for row in journal.books() if journal.head(row.name).seq}
    except ServerError as error:
        return KnownBooks(stored, trouble=str(error))
    return KnownBooks(sorted({*stored, *opened}), opened)


def protocol_tables(lake: Lake, book: str, known: KnownBooks) -> ProtocolTables:
    """The tables of ``book``, one of ``known``.

    Raises:
        DataError: a file of the lake is damaged.
    """
    url = os.environ.get(URL_VARIABLE)
    if not url or known.trouble or book not in known.kinds:
        tables = {table.name: queries.book_table(lake, table, book) for table in SHOWN}
        return ProtocolTables(tables, trouble=known.trouble)
    kind = known.kinds[book]
    try:
        with _stores(url) as (journal, deliveries):
            head = journal.head(book)
            made, until = _projected(url, book, head.seq, head.hash.hex(), journal)
            sent = _sent(journal, deliveries, book, kind)
    except ServerError as error:
        tables = {table.name: queries.book_table(lake, table, book) for table in SHOWN}
        return ProtocolTables(tables, trouble=str(error))
    if kind != "replay":
        made = {**made, APPROVALS.name: late_are_expired(made[APPROVALS.name], _now())}
    return ProtocolTables(made, kind, until, sent)


@st.cache_data(show_spinner="Reading the journal", max_entries=8)
def _projected(
    url: str, book: str, seq: int, head: str, _journal: PostgresJournal
) -> tuple[dict[str, pl.DataFrame], datetime]:
    """All of ``SHOWN`` at the journal's head, which with ``url`` and ``book`` makes the cache's key."""
    events = [row.event for row in _journal.read(book)]
    frames = project_now(events, trading_calendar())
    return {table.name: frames[table.name] for table in SHOWN}, events[-1].effective_at


def _sent(journal: PostgresJournal, deliveries: PostgresDeliveries, book: str, kind: BookKind) -> Sent:
    """Where the alerts stand, under the channels that the book's notifier has."""
    tries = deliveries.read(book)
    try:
        config = _asked_config(journal, book)
    except AlluseError as error:
        return Sent(tries=tuple(tries), why_nothing=f"the configuration of its channels is wrong: {error}")
    alerts = alerts_of(row.event for row in journal.read(book, types=ALERT_EVENTS))
    found = standings(alerts.values(), tries, config.notify, config.alerts.lowest_sent, _now())
    why_nothing = why_nothing_is_sent(config, kind)
    return Sent(tuple(found), tuple(tries), tuple(sorted(config.notify.channels)), why_nothing)


def _asked_config(journal: PostgresJournal, book: str) -> ProtocolConfig:
    """How people are told of ``book``: by its profile, not by what its journal stores."""
    return config_of_book(journal, book, profile_asked(book, os.environ), os.environ).asked


@contextmanager
def _stores(url: str) -> Iterator[tuple[PostgresJournal, PostgresDeliveries]]:
    """The database's stores; what fails in the block is told in our words."""
    try:
        with open_pool(url, application_name=_NAME, max_size=2) as pool:
            yield PostgresJournal(pool), PostgresDeliveries(pool)
    except psycopg.Error as error:
        raise ServerError(f"{described(url)}: {str(error).strip()}") from error


@st.cache_data(show_spinner="Asking the database", max_entries=4, ttl=_TROUBLE_SECONDS)
def _why_not_asked(url: str) -> str:
    """Why no connection can be made; kept for a minute, so that no rerun waits for a server that is gone."""
    try:
        connect(url, application_name=_NAME).close()
    except ServerError as error:
        return str(error)
    return ""


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - the edge, where time comes in
