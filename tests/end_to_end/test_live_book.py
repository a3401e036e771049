"""A paper book that is walked in real time decides what a replay of the same weeks decides.

The sample market is played into the hot store as a live one would fill it: bars at the open, chains and the
volatility index at the close. The replay reads the same from a lake.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import polars as pl
import pytest

from alluse_assets.adapters.anchors import AnchorFiles
from alluse_assets.adapters.lake import Lake
from alluse_assets.adapters.postgres.connect import open_pool
from alluse_assets.adapters.postgres.journal import PostgresJournal
from alluse_assets.base.calendar import NEW_YORK, trading_calendar
from alluse_assets.base.config.config_manager import with_values
from alluse_assets.base.errors import ConfigError, MissingDataError
from alluse_assets.market_data.tables import BARS, CORPORATE_ACTIONS, INTRADAY_BARS, RATES
from alluse_assets.option_chains.tables import OPTION_CHAINS
from alluse_assets.orchestration.live_book import LiveBook
from alluse_assets.orchestration.live_feed import LiveFeed
from alluse_assets.orchestration.market_steps import MarketSteps
from alluse_assets.orchestration.replay import Replay
from alluse_assets.orchestration.watching import watch_protocol
from tests.book_maker import InMemoryJournal
from tests.end_to_end.conftest import CONFIG as SAMPLE

CALENDAR = trading_calendar()
SESSIONS = CALENDAR.sessions(date(2011, 3, 7), date(2011, 3, 25))
WARM = CALENDAR.previous_session(SESSIONS[0], 260)
CONFIG = with_values(
    SAMPLE,
    {
        "market.source": "live",
        "market.routes": {"default": ["alpaca"]},
        # The sample's chains are of the close, so the window is.
        "entry.window_start": "15:00",
        "entry.window_end": "16:00",
        "entry.early_close_window_start": "12:00",
        # A replay answers at once; a person takes time, in which what is asked reserves its cash.
        "approvals.under_floor": False,
        "approvals.level_3_close": False,
    },
)


@dataclass
class Playing:
    """A live market that is played a session at a time, and the book over it."""

    sample: Lake
    lake: Lake
    hot: object
    folder: object
    store: PostgresJournal

    def book(self, **asked):
        """As a new process would open it; ``asked``: the source and the clock."""
        return LiveBook(
            self.store,
            AnchorFiles(self.folder / "anchors"),
            self.lake,
            CALENDAR,
            "paper",
            "sample",
            CONFIG,
            lambda config, first: LiveFeed(self.lake, self.hot, config, CALENDAR, "paper", first),
            **asked,
        )

    def open(self, session):
        bars = self.sample.read(BARS, "sample", session, session)
        first = CALENDAR.open_time(session)
        self._minute(bars, first, pl.col("open"))

    def chains(self, session, at):
        chains = self.sample.read(OPTION_CHAINS, "sample", session, session)
        self.hot.upsert(OPTION_CHAINS, "live", chains.with_columns(quote_ts=pl.lit(at.astimezone(UTC))))

    def close(self, session):
        self.chains(session, CALENDAR.close_time(session))
        vix = self.sample.read(BARS, "sample", session, session, where=pl.col("symbol") == "VIX")
        self._minute(vix, CALENDAR.close_time(session) - timedelta(minutes=1), pl.col("close"))

    def compact(self, session):
        self.lake.write(BARS, "live", self.sample.read(BARS, "sample", session, session))

    def _minute(self, bars, at, value):
        rows = bars.select(
            session=pl.col("ts"),
            bar_ts=pl.lit(at),
            symbol=pl.col("symbol"),
            minutes=pl.lit(1),
            open=value,
            high=value,
            low=value,
            close=value,
            source=pl.lit("played"),
        )
        missing = {n: pl.lit(None) for n in INTRADAY_BARS.names if n not in rows.columns}
        self.hot.upsert(INTRADAY_BARS, "live", INTRADAY_BARS.conform(rows.with_columns(**missing)))


@pytest.fixture
def playing(sample_run, hot_store, tmp_path, database_url):
    sample, lake = Lake(sample_run.lake), Lake(tmp_path / "lake")
    before = CALENDAR.previous_session(SESSIONS[0])
    lake.write(BARS, "live", sample.read(BARS, "sample", WARM, before))
    for table in (CORPORATE_ACTIONS, RATES):
        lake.write(table, "live", sample.read(table, "sample", WARM, SESSIONS[-1]))
    with open_pool(database_url) as pool:
        yield Playing(sample, lake, hot_store, tmp_path, PostgresJournal(pool))


def at(session, hour, minute):
    return datetime(session.year, session.month, session.day, hour, minute, tzinfo=NEW_YORK)


def walk(playing, book, sessions):
    """Play the sessions, walking what is due; the steps that were walked."""
    steps = []
    for session in sessions:
        playing.open(session)
        steps += book.walk(at(session, 9, 31))
        playing.close(session)
        steps += book.walk(at(session, 16, 0))
        playing.compact(session)
        steps += book.walk(at(session, 16, 31))
    return steps


def decisions(events):
    """What was decided and done, without what names the configuration and when a book was opened."""
    found = []
    for event in events:
        if event.type in ("book.opened", "account.opened"):
            continue
        payload = {k: v for k, v in event.payload.items() if k not in ("config", "config_version")}
        found.append((event.type, event.key, event.effective_at, payload, event.postings))
    return found


def events_of(store):
    return [row.event for row in store.read("paper")]


def test_a_walked_book_decides_what_a_replay_of_the_same_weeks_decides(playing, tmp_path):
    steps = walk(playing, playing.book(), SESSIONS)
    assert [step.kind.value for step in steps] == ["open", "look", "close"] * len(SESSIONS)

    stamped = playing.sample.read(OPTION_CHAINS, "sample", SESSIONS[0], SESSIONS[-1])
    walked, again = decisions(events_of(playing.store)), replayed(playing, tmp_path, stamped)
    assert {kind for kind, *_ in walked} >= {"entry.decided", "order.filled", "session.closed"}
    assert walked == again


def test_quotes_that_come_after_they_were_asked_for_decide_what_a_replay_of_them_decides(playing, tmp_path):
    now = [at(SESSIONS[0], 9, 31)]

    def look(config):
        now[0] += timedelta(seconds=4)
        playing.chains(now[0].date(), now[0])

    book = playing.book(look=look, clock=lambda: now[0])
    for session in SESSIONS[:10]:
        playing.open(session)
        for when in (at(session, 9, 31), at(session, 15, 45)):
            now[0] = when
            book.walk(when)
        playing.compact(session)
        now[0] = at(session, 16, 31)
        book.walk(now[0])

    stamped = playing.sample.read(OPTION_CHAINS, "sample", SESSIONS[0], SESSIONS[9]).with_columns(
        quote_ts=pl.col("session")
        .dt.combine(time(15, 45, 4))
        .dt.replace_time_zone("America/New_York")
        .dt.convert_time_zone("UTC")
    )
    walked, again = decisions(events_of(playing.store)), replayed(playing, tmp_path, stamped)
    assert {kind for kind, *_ in walked} >= {"entry.decided", "order.filled", "session.closed"}
    assert walked == again


def replayed(playing, folder, chains):
    """What a replay decides over the same market with these chains."""
    lake, store = Lake(folder / "replayed"), InMemoryJournal()
    for table in (BARS, CORPORATE_ACTIONS, RATES):
        lake.write(table, "live", playing.sample.read(table, "sample", WARM, SESSIONS[-1]))
    lake.write(OPTION_CHAINS, "live", chains)
    first, last = chains["session"].min(), chains["session"].max()
    MarketSteps(lake, CONFIG, CALENDAR, None).screen_entries("paper", first, first, last)
    anchors = AnchorFiles(folder / "replay_anchors")
    Replay(store, anchors, lake, CALENDAR, "paper", "sample", CONFIG).run(first, last)
    return decisions(events_of(store))


def test_a_book_that_was_killed_between_steps_goes_on_and_walking_twice_changes_nothing(playing):
    first, last = SESSIONS[:2], SESSIONS[2]
    walk(playing, playing.book(), first)
    playing.open(last)
    playing.book().walk(at(last, 9, 31))
    before = events_of(playing.store)
    assert playing.book().walk(at(last, 9, 31)) == []
    assert events_of(playing.store) == before
    playing.close(last)
    playing.compact(last)
    steps = playing.book().walk(at(last, 17, 0))
    assert [step.kind.value for step in steps] == ["close"]


def test_later_looks_of_a_window_that_decide_alike_add_nothing_and_never_a_second_order(playing):
    session, book = SESSIONS[0], playing.book()
    playing.open(session)
    book.walk(at(session, 9, 31))
    seen = []
    for minute in (0, 15, 30, 45):
        playing.chains(session, at(session, 15, minute))
        book.walk(at(session, 15, minute))
        seen.append(events_of(playing.store))
    first = [e for e in seen[0] if e.type == "order.created"]
    assert first
    assert [e for e in seen[-1] if e.type == "order.created"] == first
    # What was entered is decided again, once: the week's entry is used up.
    again = [e for e in seen[-1][len(seen[0]) :] if e.type == "entry.decided"]
    assert {e.payload["outcome"] for e in again} <= {"entered_this_week", "no_uncovered_lot"}
    assert seen[1] == seen[2] == seen[3]
    assert len({e.key for e in seen[-1]}) == len(seen[-1])


def test_a_session_that_was_missed_is_opened_and_closed_late_and_nothing_is_traded_in_it(playing):
    walk(playing, playing.book(), SESSIONS[:1])
    missed, today = SESSIONS[1:3]
    for session in (missed,):
        playing.open(session)
        playing.close(session)
        playing.compact(session)
    playing.open(today)
    found = watch_protocol(playing.book(), at(today, 9, 31))
    assert (found.late, found.raised) == (True, 2)
    assert watch_protocol(playing.book(), at(today, 9, 31)).raised == 0
    steps = playing.book().walk(at(today, 9, 31))
    assert [(s.kind.value, s.session) for s in steps] == [
        ("open", missed),
        ("close", missed),
        ("open", today),
    ]
    orders = [e for e in events_of(playing.store) if e.type == "order.created"]
    assert {e.payload["session"] for e in orders} <= {SESSIONS[0].isoformat()}


def test_a_session_is_not_closed_before_its_bars_are_there(playing):
    book, session = playing.book(), SESSIONS[0]
    playing.open(session)
    book.walk(at(session, 9, 31))
    playing.close(session)
    with pytest.raises(MissingDataError, match="no bars on"):
        book.walk(at(session, 16, 31))
    playing.compact(session)
    assert [step.kind.value for step in playing.book().walk(at(session, 16, 40))] == ["close"]


def test_a_replay_s_book_is_not_walked(playing):
    playing.store.create_book("paper", "replay")
    with pytest.raises(ConfigError, match="is a replay book"):
        playing.book().walk(at(SESSIONS[0], 9, 31))
