"""A small live market in real stores, and a paper book that is walked over it.

One share, flat until a test moves it; quotes come from a source that stamps them after it was asked, as the
vendors do. Time is the stage's: it moves when a test says so, and while the source is asked.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import polars as pl

from alluse_assets.adapters.anchors import AnchorFiles
from alluse_assets.adapters.lake import Lake
from alluse_assets.base.calendar import NEW_YORK, trading_calendar
from alluse_assets.base.config.config_manager import load, with_values
from alluse_assets.base.config.model_protocol import ProtocolConfig
from alluse_assets.base.errors import SourceError
from alluse_assets.market_data.tables import BARS, CORPORATE_ACTIONS
from alluse_assets.option_chains.tables import OPTION_CHAINS
from alluse_assets.orchestration.live_book import LiveBook
from alluse_assets.orchestration.live_feed import LiveFeed
from tests.book_maker import InMemoryJournal
from tests.made_market import Look, _near, priced

CALENDAR = trading_calendar()
MONDAY = date(2024, 6, 3)
WEEK = CALENDAR.sessions(MONDAY, date(2024, 6, 7))
CONFIG = with_values(
    load("sample", {}).config,
    {
        "book.replay_start": None,
        "book.replay_end": None,
        "market.source": "live",
        "market.routes": {"default": ["alpaca"]},
        "market.flat_rate_annual": 0.02,
        "market.mode_symbol": "SPY",
        "market.dividend_yields": {"AAPL": 0.0},
        "market.warm_up_sessions": 40,
        "accounts.gen.tickers": ["AAPL"],
        "accounts.rev.tickers": ["AAPL"],
        "accounts.com.tickers": ["AAPL"],
        "approvals.under_floor": False,
        "approvals.level_3_close": False,
    },
)


def at(session: date, hour: int, minute: int, second: int = 0) -> datetime:
    return datetime(session.year, session.month, session.day, hour, minute, second, tzinfo=NEW_YORK)


@dataclass
class LiveStage:
    """The market and the stores.

    ``spot``: USD per share; ``delay``: how long a look takes; ``volume``: 1 if nothing trades, 0 unknown.
    """

    lake: Lake
    hot: object
    folder: object
    store: object = field(default_factory=InMemoryJournal)
    config: ProtocolConfig = CONFIG
    spot: float = 100.0
    volatility: float = 0.6
    volume: int = 0
    delay: timedelta = timedelta(seconds=3)
    now: datetime = field(default_factory=lambda: at(MONDAY, 9, 30))
    fault: Exception | None = None
    looked: list[datetime] = field(default_factory=list)
    looks: object = None
    bring: object = None

    def warm_up(self) -> None:
        """Bars of the sessions before the first."""
        days = CALENDAR.sessions(CALENDAR.previous_session(MONDAY, 60), CALENDAR.previous_session(MONDAY))
        self._bars([row for number, day in enumerate(days) for row in _bars_of(day, 100 + number % 2)])

    def close(self, session: date, spot: float | None = None) -> None:
        """Bars of a session, as the lake has them afterwards."""
        self._bars(_bars_of(session, self.spot if spot is None else spot))

    def _bars(self, rows: list[tuple]) -> None:
        self.lake.write(BARS, "live", pl.DataFrame(rows, schema=BARS.schema, orient="row"))

    def split(self, session: date, ratio: float) -> None:
        row = (session, "AAPL", "split", ratio, None, "made")
        actions = pl.DataFrame([row], schema=CORPORATE_ACTIONS.schema, orient="row")
        self.lake.write(CORPORATE_ACTIONS, "live", actions)

    def look(self, config: ProtocolConfig) -> None:
        """Ask the source: it takes its time, and stamps what it brings when it has it."""
        self.looked.append(self.now)
        self.now += self.delay
        if self.fault is not None:
            raise self.fault
        self.quote(self.now)

    def quote(self, when: datetime) -> None:
        session = when.astimezone(NEW_YORK).date()
        expiries = CALENDAR.weekly_expiries(session, 3)
        strikes = sorted(_near(self.spot) | _near(100.0))
        look = Look("AAPL", session, when, self.spot, self.volatility, strikes, expiries)
        self.hot.upsert(OPTION_CHAINS, "live", priced([look], 0.02, self.volume))

    def feed(self, config: ProtocolConfig, first: date) -> LiveFeed:
        return LiveFeed(self.lake, self.hot, config, CALENDAR, "paper1", first)

    def book(self) -> LiveBook:
        """The book, as a new process would open it."""
        return LiveBook(
            self.store,
            AnchorFiles(self.folder / "anchors"),
            self.lake,
            CALENDAR,
            "paper1",
            "stage",
            self.config,
            self.feed,
            look=self.look,
            bring=self.bring,
            clock=lambda: self.now,
            looks=self.looks,
        )

    def walk(self, when: datetime, book: LiveBook | None = None) -> list[tuple[str, date]]:
        """Walk what is due at ``when``; the steps."""
        self.now = when
        return [(step.kind.value, step.session) for step in (book or self.book()).walk(when)]

    def events(self, *kinds: str) -> list:
        found = [row.event for row in self.store.read("paper1")]
        return [event for event in found if not kinds or event.type in kinds]

    def orders(self) -> list[tuple[str, str, str]]:
        """Account, purpose and instrument of every order."""
        return [
            (e.payload["account"], e.payload["purpose"], e.payload["instrument"])
            for e in self.events("order.created")
        ]

    def alerts(self, priority: str = "CRITICAL") -> list:
        return [e for e in self.events("alert.raised") if e.payload["priority"] == priority]


def _bars_of(session: date, spot: float) -> list[tuple]:
    return [
        (session, symbol, price, price * 1.01, price * 0.99, price, 1_000_000, "made")
        for symbol, price in (("AAPL", spot), ("SPY", 500.0), ("VIX", 15.0))
    ]


def source_fault(why: str = "no answer in 30 s") -> SourceError:
    return SourceError(f"Alpaca: {why}", is_passing=True)
