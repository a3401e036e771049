"""A market of one ticker, written down session by session, walked by the real routine and paper broker."""

from datetime import date, timedelta
from decimal import Decimal

from alluse_assets.accounts.allocation import open_book
from alluse_assets.adapters.paper.orders import paper_broker
from alluse_assets.base.calendar import trading_calendar
from alluse_assets.base.config.config_manager import with_values
from alluse_assets.base.config.model_protocol import ProtocolConfig
from alluse_assets.base.instruments import parse_occ_symbol
from alluse_assets.ledger.book_fold import fold
from alluse_assets.ledger.book_state import BookState
from alluse_assets.market_data.quote import Quote
from alluse_assets.option_chains.surface.tables import SURFACES
from alluse_assets.orchestration.replay import SessionRecorder
from alluse_assets.protection.circuit_breakers import VixReading
from alluse_assets.strategies.candidates import Candidate, Screened
from alluse_assets.strategies.market import SessionMarket
from alluse_assets.strategies.session import SessionRoutine
from alluse_assets.weeks.market_mode import MarketMode, ModeReading

CALENDAR = trading_calendar()
FIRST = date(2011, 1, 10)  # a Monday of an ordinary week
FRIDAY = date(2011, 1, 14)


def config(**changes):
    """All kinds trade AAPL, Com-Acc buys no shares; ``changes`` by dotted path with __ for dots."""
    base = {f"accounts.{kind}.tickers": ["AAPL"] for kind in ("gen", "rev", "com")} | {
        "accounts.com.first_share_purchase": False,
        "entry.earnings_unknown": "allow",
    }
    return with_values(ProtocolConfig(), base | {k.replace("__", "."): v for k, v in changes.items()})


def contract(strike, right="P", expiry=FRIDAY):
    return f"AAPL{expiry:%y%m%d}{right}{int(Decimal(str(strike)) * 1000):08d}"


def candidate(symbol, bid, rank=1):
    option = parse_occ_symbol(symbol)
    return Candidate(
        symbol,
        "AAPL",
        option.right,
        option.expiry,
        option.strike,
        Decimal(bid),
        35_000_000,
        10_000,
        rank,
        None,
    )


NO_SURFACES = SURFACES.empty()


class MiniMarket:
    """``step`` walks one session: the close, quotes {contract: (bid, ask)}, and what passed the screen."""

    def __init__(self, settings=None, first=FIRST, policy=None):
        self.policy = policy
        self.config = settings or config()
        opened = open_book(self.config, "test", first, CALENDAR.open_time(first))
        self.state: BookState = fold(opened)
        self.events = list(opened)

    def step(
        self, day, close, quotes=None, passed=None, dividends=None, splits=None, surfaces=NO_SURFACES,
        floor_only=None, at=None, looks=1, after_open=None, after_looks=None,
    ):  # fmt: skip
        """``passed``: {(kind, right): [contract, ...]} best first; a ``close`` of None is a missing bar.

        ``floor_only``: the same of what the floor alone refused. ``at``: when the quotes are; the close.
        ``looks``: how often the same market is looked at. ``after_open``, ``after_looks``: what a person
        does then, with the recorder.
        """
        at, week = at or CALENDAR.close_time(day), CALENDAR.week_of(day)
        book = {
            symbol: Quote(symbol, at, Decimal(bid), Decimal(ask), iv=Decimal("0.3"))
            for symbol, (bid, ask) in (quotes or {}).items()
        }

        def best_first(symbols):
            return tuple(candidate(s, book[s].bid, n) for n, s in enumerate(symbols, 1))

        passed, floor_only = passed or {}, floor_only or {}
        screened = {
            (*leg, "AAPL"): Screened(
                len(passed.get(leg, ())) + len(floor_only.get(leg, ())),
                {},
                len(floor_only.get(leg, ())),
                best_first(passed.get(leg, ())),
                best_first(floor_only.get(leg, ())),
            )
            for leg in {**passed, **floor_only}
        }
        reading = ModeReading(week.id, MarketMode.GREEN, Decimal(1), Decimal(1), day, day)
        market = SessionMarket(
            session=day,
            week=week,
            opens_at=CALENDAR.open_time(day),
            closes_at=CALENDAR.close_time(day),
            now=at,
            closes={} if close is None else {"AAPL": Decimal(str(close))},
            prices={} if close is None else {"AAPL": Decimal(str(close))},
            quotes=book,
            screened=screened,
            rate_annual=0.001,
            dividends={"AAPL": Decimal(dividends)} if dividends else {},
            splits=splits or {},
            opens={} if close is None else {"AAPL": Decimal(str(close))},
            atr={"AAPL": Decimal(5)},
            vix_at_open=VixReading(Decimal(20), CALENDAR.previous_session(day)),
            vix=VixReading(Decimal(20), day),
            surfaces=surfaces,
            guess=reading if day == week.first else None,
            confirmation=reading if day == week.last else None,
        )
        broker = paper_broker(self.state, market, self.config)
        recorder = SessionRecorder(self.state)
        routine = SessionRoutine(recorder, broker, market, self.config, CALENDAR, self.policy)
        nothing = lambda recorder: None  # noqa: E731
        routine.open()
        (after_open or nothing)(recorder)
        for _ in range(looks):
            routine.trade()
        (after_looks or nothing)(recorder)
        routine.close()
        self.state = recorder.state
        self.events += recorder.events
        return recorder.events

    def account(self, name):
        return self.state.accounts[name]

    def outcome(self, account, right):
        """The last entry decision's outcome."""
        found = [
            e.payload["outcome"]
            for e in self.events
            if e.type == "entry.decided" and (e.payload["account"], e.payload["right"]) == (account, right)
        ]
        return found[-1]


def days(count, first=FIRST):
    """``count`` sessions from ``first``."""
    return CALENDAR.sessions(first, first + timedelta(days=3 * count + 5))[:count]
