"""No decision sees what comes after it: with another future, every step decides the same.

Each step of a replay (the open, the quotes' time, the close of a session) is decided once more from the same
book, over a market in which everything later is another, and over one in which nothing later is there. The
book before a step is the same by the steps before it, so equal steps make equal prefixes; a few whole
prefixes are walked as well.
"""

from dataclasses import replace
from datetime import date

import polars as pl
import pytest

from alluse_assets.adapters.lake import Lake
from alluse_assets.market_data.tables import BARS, CORPORATE_ACTIONS, RATES
from alluse_assets.option_chains.surface.tables import SURFACES
from alluse_assets.option_chains.tables import OPTION_CHAINS
from alluse_assets.strategies.candidates import CANDIDATES
from tests.end_to_end.conftest import CONFIG, START
from tests.end_to_end.other_futures import changed_after, seen_in, truncated_after
from tests.made_market import CALENDAR, SOURCE, MadeMarket, MemoryLake, replayed, routine_of, screened, walk
from tests.properties.random_market import random_market

LAST = date(2011, 3, 31)


def steps_of(market):
    """For each session: its day, the book before it, and its events after the open, the quotes, the close."""
    state, _ = next(walk(market))
    for (seen,) in market.feed().sessions(market.sessions):
        routine = routine_of(market, state, seen)
        counts = []
        for step in (routine.open, routine.trade, routine.close):
            step()
            counts.append(len(routine.recorder.events))
        yield seen, state, list(routine.recorder.events), counts
        state = routine.recorder.state


def decided_again(market, lake, session, state, until):
    """The events of a session over another lake, ``until`` how many of its three steps are walked."""
    routine = routine_of(market, state, seen_in(market, lake, session))
    for step in (routine.open, routine.trade, routine.close)[:until]:
        step()
    return list(routine.recorder.events)


def assert_nothing_is_seen_ahead(market, step_of=1):
    """Try every ``step_of``-th session with another future after each of its steps."""
    tried = 0
    for place, (seen, state, events, counts) in enumerate(steps_of(market)):
        if place % step_of:
            continue
        moments = {"open": 1, "close": 3} | ({"quotes": 2} if seen.now < seen.closes_at else {})
        for moment, until in moments.items():
            other = truncated_after if (place + until) % 3 == 0 else changed_after
            lake = other(market, seen.session, moment)
            again = decided_again(market, lake, seen.session, state, until)
            assert again == events[: counts[until - 1]], (seen.session, moment, other.__name__)
            tried += 1
    return tried


@pytest.fixture(scope="module")
def sample(sample_run):
    """The first quarter of the sample, with the contracts that are entered and rolled into."""
    lake, source = Lake(sample_run.lake), CONFIG.market.source
    last = CALENDAR.session_on_or_before(LAST)
    end = CALENDAR.next_session(last, 3)
    traded = sorted({s for kind in ("gen", "rev", "com") for s in CONFIG.accounts.of(kind).tickers})
    tables = {
        (BARS.name, source): lake.read(BARS, source, None, end),
        (CORPORATE_ACTIONS.name, source): lake.read(CORPORATE_ACTIONS, source, None, end),
        (RATES.name, source): lake.read(RATES, source, None, end),
    }
    for table in (OPTION_CHAINS, SURFACES):
        rows = lake.read(table, source, START, end)
        tables[(table.name, source)] = rows.filter(
            rows["underlying"].is_in(traded), (rows["expiry"] - rows["session"]).dt.total_days() <= 35
        )
    return screened(MadeMarket(MemoryLake(tables), CALENDAR.sessions(START, last)[0], last, CONFIG))


def test_no_step_of_the_sample_s_first_quarter_sees_what_comes_after_it(sample):
    assert assert_nothing_is_seen_ahead(sample) == 2 * len(sample.sessions)


@pytest.mark.parametrize(
    ("seed", "ingredients"),
    [
        (1, {"crash", "split", "dividends", "vix_high"}),
        (2, {"crash", "split", "early_quotes", "gap", "no_quotes"}),
        (3, {"early_quotes", "vix_missing", "dividends", "high_volatility", "legged", "recovery"}),
    ],
)
def test_no_step_of_a_random_market_sees_what_comes_after_it(seed, ingredients):
    market = random_market(seed, ingredients)
    assert assert_nothing_is_seen_ahead(market) >= 2 * len(market.sessions)


def test_whole_prefixes_are_the_same_with_another_future():
    market = random_market(4, {"crash", "split", "dividends", "vix_high"})
    whole = [events for _, events in walk(market)]
    for place in (0, 4, 9, 15, 22):
        lake = changed_after(market, market.sessions[place], "close")
        screened(MadeMarket(lake, market.first, market.last, market.config))
        walked = walk(market, lake)
        prefix = [next(walked)[1] for _ in range(place + 2)]
        assert prefix == whole[: place + 2]
        assert next(walked)[1] != whole[place + 2]


def test_a_decision_that_sees_ahead_would_be_found(monkeypatch):
    """The same trial over a feed that shows the next session's close fails."""
    market = random_market(1, {"crash"})
    from alluse_assets.orchestration.market_feed import MarketFeed

    honest = MarketFeed.vix
    monkeypatch.setattr(
        MarketFeed,
        "vix",
        lambda self, session, includes_session: honest(self, CALENDAR.next_session(session), True),
    )
    assert replayed(market)
    with pytest.raises(AssertionError):
        assert_nothing_is_seen_ahead(market)


def with_one_quoted_earlier(market):
    """The same market, but AAA is quoted an hour before the others."""
    tables = {key: frame for key, frame in market.lake.tables.items() if key[0] != CANDIDATES.name}
    key = (OPTION_CHAINS.name, SOURCE)
    earlier = pl.when(pl.col("underlying") == "AAA").then(pl.col("quote_ts") - pl.duration(hours=1))
    tables[key] = tables[key].with_columns(quote_ts=earlier.otherwise(pl.col("quote_ts")))
    return screened(replace(market, lake=MemoryLake(tables)))


def without_later_quotes(market, session):
    """A session in which nobody quotes the others."""
    tables = {key: frame for key, frame in market.lake.tables.items() if key[0] != CANDIDATES.name}
    key = (OPTION_CHAINS.name, SOURCE)
    tables[key] = tables[key].filter((pl.col("session") != session) | (pl.col("underlying") == "AAA"))
    return screened(replace(market, lake=MemoryLake(tables)))


def test_what_is_quoted_earlier_knows_nothing_of_what_is_quoted_later():
    """Once the sizes of the earlier ticker counted who was quoted later, and at what."""
    market, decided = with_one_quoted_earlier(random_market(2, {"crash", "dividends"})), 0
    state, _ = next(walk(market))
    for place, looks in enumerate(market.feed().sessions(market.sessions)):
        routine = routine_of(market, state, looks[0])
        routine.open()
        routine.trade()
        first = list(routine.recorder.events)
        if len(looks) > 1 and place % 3 == 0:
            other = without_later_quotes(market, looks[0].session)
            (alone,) = next(other.feed().sessions([looks[0].session]))
            again = routine_of(other, state, alone)
            again.open()
            again.trade()
            assert list(again.recorder.events) == first, looks[0].session
            decided += sum(event.type == "entry.decided" for event in first)
        for look in looks[1:]:
            routine.market, routine.broker.quotes, routine.broker.prices = look, look.quotes, look.prices
            routine.trade()
        routine.broker.quotes = looks[-1].last_quotes
        routine.close()
        state = routine.recorder.state
    assert decided
