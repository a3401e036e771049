"""Made-up markets: bars, splits, dividends, a volatility index, and chains priced with Black-Scholes.

They are read through the real feed, from a lake that is kept in memory, and walked by the real routine with
the paper broker. What a market does is a path of ``ShareDay`` per symbol; everything else follows from it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta

import numpy as np
import polars as pl
from scipy.special import ndtr

from alluse_assets.accounts.allocation import open_book
from alluse_assets.accounts.states import lift_hold, place_hold
from alluse_assets.adapters.lake.manifest import partition_column
from alluse_assets.adapters.paper.orders import paper_broker
from alluse_assets.base.calendar import expiry_instant, new_york_instant, trading_calendar
from alluse_assets.base.config.model_protocol import ProtocolConfig
from alluse_assets.base.events import Event
from alluse_assets.base.table_catalog import Table
from alluse_assets.ledger.book_fold import apply
from alluse_assets.ledger.book_state import BookState
from alluse_assets.market_data.tables import BARS, CORPORATE_ACTIONS, RATES
from alluse_assets.option_chains.tables import OPTION_CHAINS
from alluse_assets.orchestration.market_feed import MarketFeed
from alluse_assets.orchestration.market_steps import MarketSteps
from alluse_assets.orchestration.replay import SessionRecorder
from alluse_assets.strategies.market import SessionMarket
from alluse_assets.strategies.session import SessionRoutine

CALENDAR = trading_calendar()
SOURCE, BOOK = "files", "made"
_YEAR = 365 * 86_400
_SPREAD_SHARE = 0.02
_LISTED_SESSIONS = 15
"""A strike stays listed this long after it was near: longer than an option lives here."""


class MemoryLake:
    """The part of a lake that feed and screen use: frames by table and source, nothing written to disk."""

    def __init__(self, tables: Mapping[tuple[str, str], pl.DataFrame]) -> None:
        self.tables = dict(tables)

    def read(
        self,
        table: Table,
        source: str,
        start: date | None = None,
        end: date | None = None,
        *,
        columns: Sequence[str] | None = None,
        where: pl.Expr | None = None,
    ) -> pl.DataFrame:
        frame = self.tables.get((table.name, source))
        if frame is None:
            frame = table.empty()
        day = partition_column(table)
        conditions = [pl.col(day) >= start] if day and start else []
        conditions += [pl.col(day) <= end] if day and end else []
        conditions += [where] if where is not None else []
        found = frame.filter(*conditions) if conditions else frame
        return found.select(columns) if columns else found

    def write(self, table: Table, source: str, frame: pl.DataFrame, *, replacing: Sequence[date]) -> None:
        assert self.read(table, source).filter(pl.col(partition_column(table)).is_in(replacing)).is_empty()
        day = partition_column(table)
        both = pl.concat([self.read(table, source), table.conform(frame)])
        self.tables[(table.name, source)] = both.sort(day, *table.key)

    def content_id(
        self, table: Table, source: str, start: date | None = None, end: date | None = None
    ) -> str:
        return "memory"


@dataclass(frozen=True)
class ShareDay:
    """One session of a share, USD per share, in the shares of that session."""

    open: float
    high: float
    low: float
    close: float
    volatility: float
    """Per year; what its options are priced with."""
    split: int = 1
    """New shares for one old one, with this session."""
    dividend: float = 0.0
    """Cash, with this session as ex-date."""
    has_bar: bool = True
    is_quoted: bool = True
    has_bids: bool = True


@dataclass(frozen=True)
class PersonHold:
    """A person holds an account before session ``begins`` and lets go before ``ends`` (None: never)."""

    account: str
    hold: str
    begins: date
    ends: date | None = None


@dataclass(frozen=True)
class MadeMarket:
    """A market as made; ``first`` and ``last`` bound what is traded, bars begin earlier."""

    lake: MemoryLake
    first: date
    last: date
    config: ProtocolConfig
    paths: Mapping[str, Mapping[date, ShareDay]] = field(default_factory=dict)
    vix: Mapping[date, float] = field(default_factory=dict)
    holds: Sequence[PersonHold] = ()
    minutes_to_close: int = 0
    book: str = BOOK

    @property
    def traded(self) -> list[str]:
        """Symbols that have options."""
        return list(self.config.underlyings)

    @property
    def sessions(self) -> list[date]:
        return CALENDAR.sessions(self.first, self.last)

    def feed(self, lake: MemoryLake | None = None) -> MarketFeed:
        return MarketFeed(lake or self.lake, self.config, CALENDAR, self.book, self.first, self.last)  # type: ignore[arg-type]


def make_market(
    paths: Mapping[str, Mapping[date, ShareDay]],
    vix: Mapping[date, float],
    first: date,
    last: date,
    config: ProtocolConfig,
    minutes_to_close: int = 0,
    weeks: int = 4,
    holds: Sequence[PersonHold] = (),
    volume: int = 0,
    times: Sequence[time] = (),
) -> MadeMarket:
    """The market of ``paths``, its candidates screened as a replay's are.

    Args:
        paths: by symbol and session, warm-up included; a symbol of ``config``'s accounts has options.
        vix: closes of the volatility index; a session that is absent has none.
        first: first session that is traded.
        last: last session that is traded.
        config: the book's.
        minutes_to_close: how long before the close the options are quoted.
        weeks: how many weekly expiries are listed.
        holds: what a person does.
        volume: contracts' volumes are up to this; 0: not known.
        times: when the options are quoted, New York, where that is more than once a session.
    """
    bars, actions = [], []
    for symbol, path in paths.items():
        for day, one in path.items():
            if one.has_bar:
                bars.append((day, symbol, one.open, one.high, one.low, one.close, 1_000_000, "made"))
            if one.split > 1:
                actions.append((day, symbol, "split", float(one.split), None, "made"))
            if one.dividend:
                actions.append((day, symbol, "dividend", None, one.dividend, "made"))
    bars += [(day, config.market.vix_symbol, c, c, c, c, None, "made") for day, c in vix.items()]
    made = MadeMarket(MemoryLake({}), first, last, config, paths, vix, holds, minutes_to_close)
    looks = [
        look
        for symbol in made.traded
        for look in _looks(symbol, paths[symbol], first, last, minutes_to_close, weeks, times)
    ]
    rate = config.market.flat_rate_annual or 0.0
    chains = priced(looks, rate, volume)
    if times and volume:
        # Of what is traded by the last look an equal part before each.
        place = pl.col("quote_ts").rank("dense").over("session", "underlying")
        chains = chains.with_columns(volume=(pl.col("volume") * place // len(times)).cast(pl.Int64))
    tables = {
        BARS: pl.DataFrame(bars, schema=BARS.schema, orient="row"),
        CORPORATE_ACTIONS: pl.DataFrame(actions, schema=CORPORATE_ACTIONS.schema, orient="row"),
        OPTION_CHAINS: chains,
        RATES: pl.DataFrame([(first, 30, rate, "made")], schema=RATES.schema, orient="row"),
    }
    lake = MemoryLake({(table.name, SOURCE): frame.sort(table.key) for table, frame in tables.items()})
    return screened(replace(made, lake=lake))


def screened(market: MadeMarket) -> MadeMarket:
    """The same market with its book's entry candidates in the lake."""
    steps = MarketSteps(market.lake, market.config, CALENDAR, None)  # type: ignore[arg-type]
    steps.screen_entries(market.book, market.first, market.first, market.last)
    return market


def walk(market: MadeMarket, lake: MemoryLake | None = None) -> Iterator[tuple[BookState, list[Event]]]:
    """Close session after session; the state after each and its events, those that open the book first."""
    opened = open_book(market.config, "made", market.first, CALENDAR.open_time(market.first))
    state = BookState()
    for event in opened:
        state = apply(state, event)
    yield state, list(opened)
    for looks in market.feed(lake).sessions(market.sessions):
        state, events = close_session(market, state, looks)
        yield state, events


def close_session(
    market: MadeMarket, state: BookState, looks: Sequence[SessionMarket]
) -> tuple[BookState, list[Event]]:
    """One session from ``state`` on, with what a person does before it."""
    (seen,) = looks  # A made market has one chain a session.
    routine = routine_of(market, state, seen)
    routine.run()
    return routine.recorder.state, list(routine.recorder.events)  # type: ignore[attr-defined]


def routine_of(market: MadeMarket, state: BookState, seen: SessionMarket) -> SessionRoutine:
    """The routine of one session, not walked yet; what a person does before it is recorded."""
    recorder = SessionRecorder(state)
    for one in market.holds:
        for day, change in ((one.begins, place_hold), (one.ends, _lift)):
            if day == seen.session:
                protection = recorder.state.protection
                event = change(protection, one.account, one.hold, "tried", seen.opens_at, "person:tester")
                if event:
                    recorder.record(event)
    config = market.config
    broker = paper_broker(recorder.state, seen, config)
    return SessionRoutine(recorder, broker, seen, config, CALENDAR, config.approvals.replay_answer)


def replayed(market: MadeMarket) -> list[Event]:
    """Every event of the market's book."""
    return [event for _, events in walk(market) for event in events]


def _lift(state, account, hold, why, at, actor):
    return lift_hold(state, account, hold, why, at, actor, "person")


@dataclass(frozen=True)
class Look:
    """One look at a symbol's options. ``strikes`` in thousandths of a dollar."""

    symbol: str
    session: date
    at: datetime
    spot: float
    volatility: float
    strikes: Sequence[int]
    expiries: Sequence[date]
    has_bids: bool = True


def _looks(
    symbol: str,
    path: Mapping[date, ShareDay],
    first: date,
    last: date,
    minutes_to_close: int,
    weeks: int,
    times: Sequence[time] = (),
) -> Iterator[Look]:
    listed: dict[int, int] = {}
    for place, (session, day) in enumerate(path.items()):
        if not first <= session <= last:
            continue
        if day.split > 1:
            # As the clearing corporation does it: the strike in cents.
            listed = {round(strike / day.split / 10) * 10: seen for strike, seen in listed.items()}
        # Quotes of the close know the close; earlier ones a price between the open and it.
        spot = day.close if not minutes_to_close else round((day.open + day.close) / 2, 2)
        seen_at = [(CALENDAR.close_time(session) - timedelta(minutes=minutes_to_close), spot)]
        if times:
            seen_at = [(new_york_instant(session, at), spot_of(day, n)) for n, at in enumerate(times)]
        listed |= dict.fromkeys(_near(day.close).union(*(_near(spot) for _, spot in seen_at)), place)
        listed = {strike: seen for strike, seen in listed.items() if place - seen < _LISTED_SESSIONS}
        if day.is_quoted:
            expiries = CALENDAR.weekly_expiries(session, weeks)
            for at, spot in seen_at:
                yield Look(symbol, session, at, spot, day.volatility, sorted(listed), expiries, day.has_bids)


def spot_of(day: ShareDay, look: int) -> float:
    """A share's price at one of several looks of a session: back and forth between its high and its low."""
    share = (0.5, 0.9, 0.1, 0.7, 0.3, 1.0, 0.0)[look % 7]
    return round(day.low + share * (day.high - day.low), 2)


def _near(spot: float) -> set[int]:
    """Strikes in thousandths of a dollar: about every half per cent near the spot, some far away."""
    step = next((one for one in (100, 250, 500, 1_000) if one >= spot * 4), 2_500)
    near = {round(spot * 1000 / step) + n for n in range(-10, 11)}
    far = {round(spot * share * 1000 / step) for share in (0.6, 0.7, 0.8, 0.9, 1.1, 1.2, 1.35)}
    return {place * step for place in near | far if place > 0}


def priced(looks: Sequence[Look], rate: float, volume: int = 0) -> pl.DataFrame:
    """Rows of option_chains: calls and puts at each strike and expiry, Black-Scholes without dividends."""
    if not looks:
        return OPTION_CHAINS.empty()
    sizes = np.array([2 * len(look.strikes) * len(look.expiries) for look in looks])
    thousandths = np.concatenate(
        [np.tile(np.array(look.strikes, dtype=np.int64), 2 * len(look.expiries)) for look in looks]
    )
    years = np.concatenate(
        [
            np.repeat(
                [max(0.0, (expiry_instant(day) - look.at).total_seconds() / _YEAR) for day in look.expiries],
                2 * len(look.strikes),
            )
            for look in looks
        ]
    )
    expiries = np.concatenate(
        [np.repeat(np.array(look.expiries, dtype="datetime64[D]"), 2 * len(look.strikes)) for look in looks]
    )
    is_call = np.concatenate(
        [np.tile(np.repeat([True, False], len(look.strikes)), len(look.expiries)) for look in looks]
    )
    spot = np.repeat([look.spot for look in looks], sizes)
    volatility = np.repeat([look.volatility for look in looks], sizes)
    has_bids = np.repeat([look.has_bids for look in looks], sizes)
    strike = thousandths / 1000
    # A little skew: what lies lower is dearer.
    sigma = volatility * (1 + 0.15 * np.log(spot / strike).clip(-0.5, 0.5))
    root = sigma * np.sqrt(np.maximum(years, 1e-12))
    d1 = (np.log(spot / strike) + (rate + sigma**2 / 2) * years) / root
    sign = np.where(is_call, 1.0, -1.0)
    value = sign * (spot * ndtr(sign * d1) - strike * np.exp(-rate * years) * ndtr(sign * (d1 - root)))
    value = np.round(np.maximum(value, np.maximum(0.0, sign * (spot - strike))), 6)
    half = np.maximum(0.005, value * _SPREAD_SHARE)
    bid = np.where(has_bids, np.floor((value - half).clip(0) * 100 + 1e-6) / 100, 0.0)
    places = pl.DataFrame(
        {
            "session": [look.session for look in looks],
            "underlying": [look.symbol for look in looks],
            "quote_ts": pl.Series([look.at for look in looks]).dt.convert_time_zone("UTC"),
        }
    )
    rows = places.select(pl.all().repeat_by(pl.Series(sizes)).list.explode())
    live = pl.col("years_to_expiry").gt(0) & pl.col("has_bids")
    frame = rows.with_columns(
        underlying_price=spot,
        expiry=expiries,
        right=np.where(is_call, "C", "P"),
        strike=strike,
        bid=bid,
        ask=np.ceil((value + half) * 100 - 1e-6) / 100,
        years_to_expiry=years,
        iv_annual=np.round(sigma, 6),
        delta=np.round(sign * ndtr(sign * d1), 8),
        has_bids=has_bids,
        thousandths=thousandths,
        source=pl.lit("made"),
        rate_annual=pl.lit(rate),
        dividend_yield_annual=pl.lit(0.0),
        exercise_style=pl.lit("american"),
    ).with_columns(
        pl.when(live).then("iv_annual"),
        pl.when(live).then("delta"),
        expiry=pl.col("expiry").cast(pl.Date),
        iv_status=pl.when(live).then(pl.lit("ok")).otherwise(pl.lit("no_quote")),
    )
    if volume:
        spread = pl.col("thousandths") // 10 * 31 + pl.col("session").dt.ordinal_day() * 17
        frame = frame.with_columns(volume=spread % volume)
    return OPTION_CHAINS.conform(
        frame.with_columns(
            dte_days=(pl.col("expiry") - pl.col("session")).dt.total_days(),
            contract_symbol=pl.concat_str(
                "underlying",
                pl.col("expiry").dt.strftime("%y%m%d"),
                "right",
                pl.col("thousandths").cast(pl.String).str.zfill(8),
            ),
        )
    )
