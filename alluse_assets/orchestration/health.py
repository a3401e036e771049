"""What ``alluse doctor`` looks at: each finding says how it is and, where it is not well, what to do."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from alluse_assets.adapters.alpaca import open_alpaca
from alluse_assets.adapters.alpaca import settings as alpaca
from alluse_assets.adapters.ibkr.probe import server_version
from alluse_assets.adapters.ibkr.settings import PREFIX, IbkrSettings, is_configured
from alluse_assets.adapters.lake.lake import Lake
from alluse_assets.adapters.postgres.connect import connect_owner, described
from alluse_assets.adapters.postgres.migrate import migrate
from alluse_assets.adapters.postgres.server import database
from alluse_assets.adapters.timescale import open_hot_store
from alluse_assets.base.calendar import calendar_horizon, trading_calendar
from alluse_assets.base.config.config_manager import load
from alluse_assets.base.config.profile_files import shipped_profiles
from alluse_assets.base.errors import AlluseError, SourceError
from alluse_assets.market_data.tables import BARS
from alluse_assets.option_chains.tables import OPTION_QUOTES
from alluse_assets.orchestration.book_health import examine_books
from alluse_assets.orchestration.installation import Installation
from alluse_assets.orchestration.stream_health import read_state

Status = Literal["ok", "off", "warning", "fault"]
_PACKAGES = ("dagster", "polars", "duckdb", "psycopg", "numba", "great-expectations", "streamlit")
_LEAST_FREE_BYTES = 2 * 1024**3
_LEAST_DAYS_OF_CALENDAR = 365


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's report. ``remedy`` says what to do when the status is not ok."""

    area: str
    what: str
    status: Status
    found: str
    remedy: str = ""


def examine(environ: Mapping[str, str], now: datetime) -> list[Finding]:
    """Look at everything; a part that cannot be looked at is itself a finding."""
    installation = Installation.from_environment(environ)
    parts: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
        ("python", _python),
        ("configuration", lambda: _configuration(environ)),
        ("calendar", lambda: _calendar(now.date())),
        ("database", lambda: _database(installation, environ)),
        ("books", lambda: _books(installation, environ, now)),
        ("lake", lambda: _lake(installation)),
        ("sources", lambda: _sources(installation, environ)),
        ("stream", lambda: _stream(installation, now)),
        ("brokers", _brokers),
        ("browser", _browser),
    ]
    findings: list[Finding] = []
    for area, look in parts:
        try:
            findings += look()
        except (AlluseError, OSError) as error:
            findings.append(Finding(area, area, "fault", str(error), "see the message"))
    return findings


def _python() -> Iterator[Finding]:
    good = (3, 11) <= sys.version_info[:2] <= (3, 13)
    yield Finding(
        "python",
        "interpreter",
        "ok" if good else "fault",
        platform.python_version(),
        "" if good else "use Python 3.11, 3.12 or 3.13",
    )
    for package in _PACKAGES:
        try:
            yield Finding("python", package, "ok", importlib.metadata.version(package))
        except importlib.metadata.PackageNotFoundError:
            yield Finding("python", package, "fault", "not installed", "make install")


def _configuration(environ: Mapping[str, str]) -> Iterator[Finding]:
    for profile in shipped_profiles():
        try:
            load(profile, environ)
            yield Finding("configuration", f"profile {profile}", "ok", "holds")
        except AlluseError as error:
            yield Finding("configuration", f"profile {profile}", "fault", str(error), "mend it as it says")


def _calendar(today: date) -> Iterator[Finding]:
    days = (calendar_horizon() - today).days
    short = days < _LEAST_DAYS_OF_CALENDAR
    yield Finding(
        "calendar",
        "XNYS sessions known until",
        "warning" if short else "ok",
        calendar_horizon().isoformat(),
        "update exchange-calendars before the year is over" if short else "",
    )


def _database(installation: Installation, environ: Mapping[str, str]) -> Iterator[Finding]:
    with database(installation.postgres, environ) as running:
        migrate(running.url)
        kind = "embedded" if running.embedded else "ALLUSE_DATABASE_URL"
        with connect_owner(running.url) as connection:
            version = connection.execute("SHOW server_version").fetchone()
            number = version[0] if version else "unknown"
            where = "private, started when needed" if running.embedded else described(running.url)
            yield Finding("database", f"PostgreSQL ({kind})", "ok", f"{number}, {where}")
            books = connection.execute("SELECT count(*) FROM alluse.book").fetchone()
            yield Finding("database", "books", "ok", str(books[0] if books else 0))
        hot = open_hot_store(running.url)
        yield Finding("database", "hot store", "ok", hot.edition.described)
        for feature in hot.features():
            yield Finding(
                "database",
                feature.name,
                "ok" if feature.is_on else "off",
                "on" if feature.is_on else feature.reason,
                "" if feature.is_on else f"not needed; in its place: {feature.stand_in}",
            )


def _books(installation: Installation, environ: Mapping[str, str], now: datetime) -> Iterator[Finding]:
    with database(installation.postgres, environ) as running:
        migrate(running.url)
        for one in examine_books(running.url, environ, trading_calendar(), now):
            yield Finding("books", *one)


def _lake(installation: Installation) -> Iterator[Finding]:
    if isinstance(installation.lake, str):
        lake = Lake(installation.lake)
        markets = lake.sources(BARS)
        yield Finding("lake", lake.url, "ok", f"can be read; markets: {', '.join(markets) or 'none yet'}")
        return
    folder = installation.lake
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    yield Finding(
        "lake",
        str(installation.lake),
        "ok" if free > _LEAST_FREE_BYTES else "warning",
        f"{free / 1024**3:.0f} GiB free",
        "" if free > _LEAST_FREE_BYTES else "make room, or name another disk in ALLUSE_HOME",
    )


def _sources(installation: Installation, environ: Mapping[str, str]) -> Iterator[Finding]:
    lake = Lake(installation.lake)
    yield Finding("sources", "sample market", "ok", "built in; option prices and VIX are modelled")
    for table, kind in ((BARS, "bars"), (OPTION_QUOTES, "option_quotes")):
        rows = sum(manifest.rows for manifest in lake.manifests(table, "files"))
        yield Finding(
            "sources",
            f"files: {kind}",
            "ok" if rows else "off",
            f"{rows:,} rows",
            "" if rows else f"alluse ingest --kind {kind} --path FILE",
        )
    yield _alpaca(environ)
    yield _interactive_brokers(environ)


def _stream(installation: Installation, now: datetime) -> Iterator[Finding]:
    state, what = read_state(installation.stream), "streaming ingester"
    if state is None:
        yield Finding("stream", what, "off", "has never run here", "alluse stream --profile PROFILE")
        return
    lag = "" if state.lag_seconds is None else f", lag {state.lag_seconds:.1f} s"
    told = f"{state.phase} at {state.told_at}: {state.rows:,} rows, {state.refused:,} refused{lag}"
    if state.phase == "ended":
        yield Finding("stream", what, "off", f"{told} ({state.detail})", "start it again: alluse stream")
    elif state.is_silent(now):
        yield Finding("stream", what, "fault", f"silent since; {told}", "it was killed: alluse stream")
    elif state.phase == "streaming" and not state.connected:
        yield Finding("stream", what, "warning", f"not connected; {told} ({state.detail})", "it tries again")
    else:
        yield Finding("stream", what, "ok", f"{told}{f' ({state.detail})' if state.detail else ''}")


def _alpaca(environ: Mapping[str, str]) -> Finding:
    if not alpaca.is_configured(environ):
        keys = f"{alpaca.PREFIX}KEY_ID and {alpaca.PREFIX}SECRET_KEY"
        return Finding("sources", "Alpaca", "off", "not set up", f"set {keys} to use it")
    try:
        found = open_alpaca(trading_calendar(), environ, is_hasty=True).reach()
    except SourceError as error:
        status: Status = "warning" if error.is_passing else "fault"
        return Finding("sources", "Alpaca", status, str(error), "see the message")
    except AlluseError as error:
        return Finding("sources", "Alpaca", "fault", str(error), "see the message")
    return Finding("sources", "Alpaca", "ok", found)


def _interactive_brokers(environ: Mapping[str, str]) -> Finding:
    what = "Interactive Brokers"
    if not is_configured(environ):
        return Finding("sources", what, "off", "not set up", f"set {PREFIX}HOST and {PREFIX}PORT to use it")
    if importlib.util.find_spec("ib_async") is None:
        return Finding("sources", what, "fault", "its library is not installed", "install alluse[ibkr]")
    settings = IbkrSettings.from_environment(environ)
    try:
        version = server_version(settings)
    except SourceError as error:
        return Finding("sources", what, "warning", str(error), "start it, or unset the variables")
    found = f"{settings.place} answers, protocol {version}, {settings.market_data_type} data"
    return Finding("sources", what, "ok", found)


def _brokers() -> Iterator[Finding]:
    yield Finding("brokers", "paper", "ok", "built in")
    for name in ("Alpaca", "Interactive Brokers"):
        yield Finding("brokers", name, "off", "not part of this version", "paper trades everything meanwhile")


def _browser() -> Iterator[Finding]:
    path = next((p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if p), None)
    yield Finding(
        "browser",
        "Chromium, for the tests of pages",
        "ok" if path else "off",
        path or "not found",
        "" if path else "apt-get install chromium (as root); those tests are skipped without it",
    )


def is_well(findings: list[Finding]) -> bool:
    """Whether nothing needed is broken."""
    return all(finding.status != "fault" for finding in findings)
