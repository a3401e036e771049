"""The same market up to a moment, and another one after it."""

from __future__ import annotations

from datetime import date
from typing import Literal

import polars as pl

from alluse_assets.market_data.tables import BARS, CORPORATE_ACTIONS, RATES
from alluse_assets.option_chains.surface.tables import SURFACES
from alluse_assets.option_chains.tables import OPTION_CHAINS
from alluse_assets.orchestration.market_steps import MarketSteps, month_end
from alluse_assets.strategies.candidates import CANDIDATES
from alluse_assets.strategies.market import SessionMarket
from tests.made_market import CALENDAR, MadeMarket, MemoryLake

Moment = Literal["open", "quotes", "close"]
"""The opening bell; the quotes' time, when it is before the close; after the close."""
_QUOTED = ("underlying_price", "bid", "ask", "iv_annual", "delta")
_BARS = ("open", "high", "low", "close")


def changed_after(market: MadeMarket, session: date, moment: Moment) -> MemoryLake:
    """The market's lake with everything that is known after ``moment`` of ``session`` changed.

    Prices, volatilities and deltas of later bars and quotes are others, and so are rates; the volatility
    index leaps; every share splits; dividends that are not announced yet go, and others come.
    """
    source, later = market.config.market.source, pl.col("session") > session
    unseen = later | ((pl.col("session") == session) if moment == "open" else False)
    tables = dict(market.lake.tables)

    def change(table, edit) -> None:
        if (table.name, source) in tables:
            tables[(table.name, source)] = edit(tables[(table.name, source)])

    # Another factor for each row, and not the same one for prices of different rows.
    factor = 0.55 + (pl.int_range(pl.len()) * 7919 % 101) / 110
    change(OPTION_CHAINS, lambda rows: _edited(rows, unseen, _QUOTED, factor))
    change(SURFACES, lambda rows: rows.filter(~unseen))
    leaps = pl.when(pl.col("symbol") == market.config.market.vix_symbol).then(4.0).otherwise(factor)
    change(BARS, lambda rows: _other_bars(rows, session, moment, leaps))
    change(RATES, lambda rows: _edited(rows, pl.col("ts") > session, ("rate_annual",), factor))
    change(CORPORATE_ACTIONS, lambda rows: _other_actions(rows, market, session))
    tables.pop((CANDIDATES.name, f"book={market.book}"), None)
    return MemoryLake(tables)


def truncated_after(market: MadeMarket, session: date, moment: Moment) -> MemoryLake:
    """The market's lake as it was at ``moment``: nothing later is in it."""
    lake = changed_after(market, session, moment)
    source = market.config.market.source
    candidates = market.lake.tables[(CANDIDATES.name, f"book={market.book}")]
    chains = lake.tables[(OPTION_CHAINS.name, source)]
    bars = lake.tables[(BARS.name, source)]
    here = pl.col("session") < session if moment == "open" else pl.col("session") <= session
    return MemoryLake(
        lake.tables
        | {
            (OPTION_CHAINS.name, source): chains.filter(here),
            (BARS.name, source): bars.filter(pl.col("ts") <= session),
            (CANDIDATES.name, f"book={market.book}"): candidates.filter(here),
        }
    )


def seen_in(market: MadeMarket, lake: MemoryLake, session: date) -> SessionMarket:
    """The session as a replay over ``lake`` sees it, whose month is screened first where it is not yet."""
    start, end = max(session.replace(day=1), market.first), min(month_end(session), market.last)
    if (CANDIDATES.name, f"book={market.book}") not in lake.tables:
        steps = MarketSteps(lake, market.config, CALENDAR, None)  # type: ignore[arg-type]
        steps.screen_entries(market.book, market.first, start, end)
    sessions = CALENDAR.sessions(start, market.last)
    return next(looks[0] for looks in market.feed(lake).sessions(sessions) if looks[0].session == session)


def _edited(rows: pl.DataFrame, which: pl.Expr, names: tuple[str, ...], factor: pl.Expr) -> pl.DataFrame:
    return rows.with_columns(
        pl.when(which).then(pl.col(name) * (factor if name != "delta" else 0.5)).otherwise(name).alias(name)
        for name in names
    )


def _other_bars(rows: pl.DataFrame, session: date, moment: Moment, factor: pl.Expr) -> pl.DataFrame:
    later = pl.col("ts") > session
    rows = _edited(rows, later, _BARS, factor)
    if moment == "close":
        return rows
    # The session itself goes another way after its open.
    now = pl.col("ts") == session
    other = pl.col("open") * factor
    return rows.with_columns(
        close=pl.when(now).then(other).otherwise("close"),
        high=pl.when(now).then(pl.max_horizontal("open", other) * 1.1).otherwise("high"),
        low=pl.when(now).then(pl.min_horizontal("open", other) * 0.9).otherwise("low"),
    )


def _other_actions(rows: pl.DataFrame, market: MadeMarket, session: date) -> pl.DataFrame:
    announced = CALENDAR.next_session(session, market.config.rolls.dividend_risk_sessions)
    is_known = (pl.col("ex_date") <= session) | (
        (pl.col("kind") == "dividend") & (pl.col("ex_date") <= announced)
    )
    others = [
        row
        for symbol in market.traded
        for row in (
            (CALENDAR.next_session(session), symbol, "split", 3.0, None, "made"),
            (CALENDAR.next_session(announced), symbol, "dividend", None, 0.77, "made"),
        )
    ]
    made = pl.DataFrame(others, schema=CORPORATE_ACTIONS.schema, orient="row")
    return pl.concat([rows.filter(is_known), made]).sort(CORPORATE_ACTIONS.key)
