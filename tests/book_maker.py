"""Makes books for tests by running the real session routine, gate, engine and paper broker.

A test says what the market does and which orders are tried; what follows (fills, refusals, expiries,
assignments, dividends, settlements, closes) is the product's own doing.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from alluse_assets.accounts.allocation import open_book
from alluse_assets.adapters.paper.orders import PaperBroker
from alluse_assets.base.calendar import TradingWeek, trading_calendar
from alluse_assets.base.config.config_manager import load, with_values
from alluse_assets.base.events import Event
from alluse_assets.base.instruments import OptionContract, is_option, parse_occ_symbol
from alluse_assets.execution.order import Action, OrderIntent
from alluse_assets.journal.chain import Head, RecordedEvent, link
from alluse_assets.journal.store import BookRow
from alluse_assets.ledger.book_state import BookState
from alluse_assets.market_data.quote import Quote
from alluse_assets.orchestration.replay import SessionRecorder
from alluse_assets.strategies.market import SessionMarket
from alluse_assets.strategies.session import SessionRoutine
from alluse_assets.weeks.market_mode import MarketMode, ModeReading

FIRST = date(2011, 1, 3)
RECORDED_AT = datetime(2026, 1, 1, tzinfo=UTC)
CONFIG = with_values(
    load("sample", {}).config,
    {
        "accounts.gen.tickers": ["AAPL", "SPX"],
        "accounts.rev.tickers": ["AAPL", "MSFT"],
        "accounts.com.tickers": ["MSFT", "SPX"],
        "market.flat_rate_annual": 0.02,
        # What is tried here is a test's own; protection has its scenarios.
        "protection.enabled": False,
        "circuit_breakers.enabled": False,
        "drawdown.pivot_enabled": False,
        "drawdown.deep_enabled": False,
        "paper.early_assignment": False,
    },
)
ACCOUNTS = ("GEN-1", "REV-1", "COM-1")
SHARES = ("AAPL", "MSFT")
SYMBOLS = (*SHARES, "SPX")

Try = tuple[str, str, str, int, str]
"""Account, action, instrument, quantity, limit price."""


def option(symbol: str, expiry: date, right: str, strike: float) -> str:
    root = "SPXW" if symbol == "SPX" else symbol
    return OptionContract(root, expiry, right, Decimal(str(strike))).symbol  # type: ignore[arg-type]


def underlying(instrument: str) -> str:
    root = parse_occ_symbol(instrument).root if is_option(instrument) else instrument
    return "SPX" if root == "SPXW" else root


class _TriedSession(SessionRoutine):
    """The real routine, but with a test's orders in the place of the strategies'."""

    tries: Sequence[Try] = ()

    def trade(self) -> None:
        engine = self._engine(self._values(self.market.prices).navs)
        for account, action, instrument, quantity, limit in self.tries:
            intent = OrderIntent(
                account=account,
                instrument=instrument,
                symbol=underlying(instrument),
                action=Action(action),
                quantity=quantity,
                limit_price=Decimal(limit),
                purpose="test",
                session=self.market.session,
                decided_at=self.market.now,
                cause="test",
                config_fingerprint=self._state.config_fingerprint,
                evidence={"delta_points": "33.5", "premium_yield_ppm": 4200, "rank": 1},
            )
            if intent.intent_id not in self._state.intents_of_session:
                self._place(engine, [intent])


class BookMaker:
    """A book that grows a session at a time, from ``first`` on."""

    def __init__(self, first: date = FIRST, config=CONFIG):
        self.calendar, self.config = trading_calendar(), config
        self.next = first
        self.recorder = SessionRecorder(BookState())
        for event in open_book(config, "test", first, self.calendar.open_time(first)):
            self.recorder.record(event)

    @property
    def events(self) -> list[Event]:
        return list(self.recorder.events)

    @property
    def state(self) -> BookState:
        return self.recorder.state

    def session(
        self,
        closes: Mapping[str, float],
        tries: Sequence[Try] = (),
        quotes: Mapping[str, tuple[float, float]] | None = None,
        dividends: Mapping[str, str] | None = None,
        volume: int | None = None,
    ) -> date:
        """Run one session; quotes are (bid, ask). What is tried without a quote is quoted at its limit."""
        session, week = self.next, self.calendar.week_of(self.next)
        now = self.calendar.close_time(session) - timedelta(minutes=1)
        given = {instrument: quotes[instrument] for instrument in quotes or {}}
        for _, _, instrument, _, limit in tries:
            if is_option(instrument):
                given.setdefault(instrument, (float(limit), float(limit)))
        market = SessionMarket(
            session=session,
            week=week,
            opens_at=self.calendar.open_time(session),
            closes_at=self.calendar.close_time(session),
            now=now,
            closes={symbol: Decimal(f"{price:.4f}") for symbol, price in closes.items()},
            prices={symbol: Decimal(f"{price:.4f}") for symbol, price in closes.items()},
            quotes={
                name: Quote(
                    name, now, Decimal(f"{bid:.4f}"), Decimal(f"{ask:.4f}"), volume, None, Decimal("0.3")
                )
                for name, (bid, ask) in given.items()
            },
            screened={},
            rate_annual=0.02,
            dividends={symbol: Decimal(amount) for symbol, amount in (dividends or {}).items()},
            guess=self._reading(week, MarketMode.GREEN) if session in (week.first, FIRST) else None,
            confirmation=self._reading(week, MarketMode.CHOP) if session == week.last else None,
        )
        broker = PaperBroker(
            self.config.paper,
            market.quotes,
            market.prices,
            market.closes_at,
            self.config.assignment_threshold_usd,
            lambda symbol: symbol == "SPX",
        )
        routine = _TriedSession(self.recorder, broker, market, self.config, self.calendar)
        routine.tries = tries
        routine.run()
        self.next = self.calendar.next_session(session)
        return session

    def _reading(self, week: TradingWeek, mode: MarketMode) -> ModeReading:
        return ModeReading(week.id, mode, Decimal("0.500000"), Decimal("0.400000"), week.first, week.last)


def random_book(seed: int, sessions: int) -> BookMaker:
    """A book of random prices, dividends and orders, many of which the gate refuses."""
    draw = random.Random(seed)
    book = BookMaker()
    prices = {"AAPL": 330.0, "MSFT": 28.0, "SPX": 127.0}
    for _ in range(sessions):
        for symbol in SYMBOLS:
            prices[symbol] = round(prices[symbol] * (1 + draw.uniform(-0.06, 0.06)), 2)
        quotes = {}
        for account in book.state.accounts.values():
            for instrument in account.shorts:
                if draw.random() < 0.8:
                    bid = round(draw.uniform(0.01, 6), 2)
                    quotes[instrument] = (bid, round(bid * draw.uniform(1, 1.3) + 0.01, 2))
        tries = [_random_try(draw, book, prices) for _ in range(draw.randint(0, 7))]
        dividends = {s: f"{draw.uniform(0.01, 2):.4f}" for s in SHARES if draw.random() < 0.1}
        book.session(prices, tries, quotes, dividends, volume=draw.choice([None, None, 400, 90]))
    return book


def _random_try(draw: random.Random, book: BookMaker, prices: Mapping[str, float]) -> Try:
    account = draw.choice(ACCOUNTS)
    held = book.state.accounts[account]
    kind = draw.choice(["put", "put", "call", "buy", "close", "close"])
    if kind == "close" and held.shorts:
        instrument = draw.choice(sorted(held.shorts))
        return (account, "BUY_TO_CLOSE", instrument, draw.randint(1, held.shorts[instrument].contracts), "8")
    if kind == "buy":
        return (account, "BUY", draw.choice(SHARES), draw.randint(1, 350), "1000")
    symbol = draw.choice(sorted(held.shares) or SHARES) if kind == "call" else draw.choice(SYMBOLS)
    expiry = book.calendar.weekly_expiries(book.next, 2)[draw.randint(0, 1)]
    strike = round(prices[symbol] * draw.uniform(0.94, 1.06))
    right = "C" if kind == "call" else "P"
    limit = f"{draw.uniform(0.05, 9):.2f}"
    return (account, "SELL_TO_OPEN", option(symbol, expiry, right, strike), draw.randint(1, 12), limit)


class InMemoryJournal:
    """A ``JournalStore`` without a database, for one process: chained, and gone with it."""

    def __init__(self) -> None:
        self._rows: dict[str, list[RecordedEvent]] = {}
        self._kinds: dict[str, str] = {}

    def put(self, book: str, events: Sequence[Event]) -> None:
        self._rows[book] = []
        self.append(book, events, Head())

    def books(self) -> list[BookRow]:
        return [BookRow(name, self._kinds.get(name, "replay"), RECORDED_AT) for name in sorted(self._rows)]

    def read(
        self, book: str, after_seq: int = 0, types: Collection[str] | None = None
    ) -> Iterator[RecordedEvent]:
        rows = self._rows.get(book, [])[after_seq:]
        return iter(row for row in rows if types is None or row.event.type in types)

    def head(self, book: str) -> Head:
        rows = self._rows.get(book)
        return rows[-1].head if rows else Head()

    def create_book(self, book: str, kind: str) -> None:
        self._rows.setdefault(book, [])
        self._kinds.setdefault(book, kind)

    def append(self, book: str, events: Sequence[Event], after: Head) -> Head:
        assert after == self.head(book)
        for event in events:
            self._rows[book].append(link(book, self.head(book), event, RECORDED_AT))
        return self.head(book)

    @contextmanager
    def lease(self, book: str, wait_seconds: float) -> Iterator[None]:
        yield
