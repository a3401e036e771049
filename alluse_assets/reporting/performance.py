"""Performance statistics over session returns and closed trades. Pure, ordered, without BLAS.

Returns are time-weighted (flows are out of them), before tax. The definitions are those of empyrical:
252 sessions a year, sample standard deviation, a risk-free rate of zero, downside deviation over all
sessions. A statistic that the data does not define (one session, no loss) is None, never infinite.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl

from alluse_assets.base.money import ZERO
from alluse_assets.ledger.chart import LedgerAccount
from alluse_assets.ledger.tables import BOOK_ROW
from alluse_assets.reporting.tables import PERFORMANCE, PERIOD_RETURNS

SESSIONS_A_YEAR = 252
DAYS_A_YEAR = 365
_DIGITS = 10
"""Statistics are rounded, so that a last bit of a power or a root never makes two tables differ."""


@dataclass(frozen=True, slots=True)
class ReturnStatistics:
    """Statistics of one series of session returns; units as in ``PERFORMANCE``."""

    time_weighted_return: float
    cagr: float | None
    volatility_annual: float | None
    sharpe: float | None
    sortino: float | None
    calmar: float | None
    max_drawdown: float
    max_drawdown_sessions: int


@dataclass(frozen=True, slots=True)
class TradeStatistics:
    """Statistics of option trades; units as in ``PERFORMANCE``."""

    trades_closed: int
    assignments: int
    hit_rate: float | None
    profit_factor: float | None
    premium_captured: float | None
    yield_on_collateral_annual: float | None
    credit: Decimal


def linked_return(returns: Iterable[float]) -> float:
    """The return over all of ``returns`` together."""
    return math.prod(1 + r for r in returns) - 1


def return_statistics(returns: Sequence[float]) -> ReturnStatistics:
    """The statistics of ``returns``, one a session, in order; at least one."""
    count, total = len(returns), linked_return(returns)
    mean = math.fsum(returns) / count
    spread = downside = None
    if count > 1:
        spread = math.sqrt(math.fsum((r - mean) ** 2 for r in returns) / (count - 1))
        downside = math.sqrt(math.fsum(min(r, 0.0) ** 2 for r in returns) / count)
    root = math.sqrt(SESSIONS_A_YEAR)
    cagr = (1 + total) ** (SESSIONS_A_YEAR / count) - 1 if total > -1 and count > 1 else None
    deepest, longest = drawdown_statistics(returns)
    return ReturnStatistics(
        time_weighted_return=round(total, _DIGITS),
        cagr=_rounded(cagr),
        volatility_annual=_rounded(None if spread is None else spread * root),
        sharpe=_rounded(mean / spread * root if spread else None),
        sortino=_rounded(mean / downside * root if downside else None),
        calmar=_rounded(cagr / -deepest if cagr is not None and deepest < 0 else None),
        max_drawdown=round(deepest, _DIGITS),
        max_drawdown_sessions=longest,
    )


def drawdown_statistics(returns: Iterable[float]) -> tuple[float, int]:
    """The deepest drawdown (not above zero; the start counts as a high), and most sessions under a high."""
    unit = high = 1.0
    deepest, longest, under = 0.0, 0, 0
    for r in returns:
        unit *= 1 + r
        high = max(high, unit)
        under = 0 if unit == high else under + 1
        deepest, longest = min(deepest, unit / high - 1), max(longest, under)
    return deepest, longest


def trade_statistics(trades: pl.DataFrame, multiplier: int) -> TradeStatistics:
    """The statistics of ``OPTION_TRADES`` rows; open ones do not count.

    The yield on collateral is the gain of closed puts over the cash they bound, strike times multiplier,
    for the calendar days they bound it, at least one, a year.
    """
    closed = trades.filter(pl.col("closed").is_not_null()).sort("session", "trade", "part")
    gains: list[Decimal] = closed["gain"].to_list()
    credit = sum(closed["credit"].to_list(), ZERO)
    won = sum((gain for gain in gains if gain > 0), ZERO)
    lost = -sum((gain for gain in gains if gain < 0), ZERO)
    put_gain, bound = ZERO, []
    for row in closed.filter(pl.col("right") == "P").iter_rows(named=True):
        put_gain += row["gain"]
        days = max((row["closed"] - row["session"]).days, 1)
        bound.append(row["strike"] * multiplier * row["contracts"] * days)
    collateral = math.fsum(bound)
    return TradeStatistics(
        trades_closed=len(gains),
        assignments=closed.filter(
            pl.col("how_ended").is_in(["assigned", "called_away", "cash_settled"])
        ).height,
        hit_rate=_rounded(sum(gain > 0 for gain in gains) / len(gains) if gains else None),
        profit_factor=_rounded(float(won / lost) if lost else None),
        premium_captured=_rounded(float((won - lost) / credit) if credit else None),
        yield_on_collateral_annual=_rounded(
            float(put_gain) / collateral * DAYS_A_YEAR if collateral else None
        ),
        credit=credit,
    )


def project_performance(
    net_asset_value: pl.DataFrame, trades: pl.DataFrame, balances: pl.DataFrame, multiplier: int
) -> pl.DataFrame:
    """The rows of ``PERFORMANCE``: one an account and one for the book, at the last close.

    Args:
        net_asset_value: rows of ``NET_ASSET_VALUE``.
        trades: rows of ``OPTION_TRADES``.
        balances: rows of ``BALANCES``, for the fees.
        multiplier: shares per contract.
    """
    if net_asset_value.is_empty():
        return PERFORMANCE.empty()
    last = net_asset_value["session"].max()
    paid = balances.filter(pl.col("session") == last, pl.col("ledger_account") == LedgerAccount.FEES.value)
    fees: dict[str, Decimal] = dict(paid.select("account", "balance").iter_rows())
    fees[BOOK_ROW] = sum(fees.values(), ZERO)
    rows = []
    for (account,), frame in _by_account(net_asset_value):
        own = trades if account == BOOK_ROW else trades.filter(pl.col("account") == account)
        traded = trade_statistics(own, multiplier)
        returned = return_statistics(frame["session_return"].to_list())
        capital = sum(frame["flow"].to_list(), ZERO)
        nav = frame["nav"].to_list()[-1]
        rows.append(
            {
                "session": last,
                "account": account,
                "kind": frame["kind"][0],
                "first_session": frame["session"].min(),
                "sessions": frame.height,
                "capital": capital,
                "nav": nav,
                "gain": nav - capital,
                "fees": fees.get(account, ZERO),
                **{name: getattr(returned, name) for name in ReturnStatistics.__slots__},
                **{name: getattr(traded, name) for name in TradeStatistics.__slots__},
            }
        )
    return pl.DataFrame(rows, schema=PERFORMANCE.schema).sort(PERFORMANCE.key)


def project_period_returns(net_asset_value: pl.DataFrame, week_id_of: Callable[[date], str]) -> pl.DataFrame:
    """The rows of ``PERIOD_RETURNS`` from ``NET_ASSET_VALUE``; ``week_id_of`` names a session's week."""
    labels: dict[str, Callable[[date], str]] = {"week": week_id_of, "month": lambda day: f"{day:%Y-%m}"}
    rows: list[tuple[Any, ...]] = []
    for (account,), frame in _by_account(net_asset_value):
        records = frame.select("session", "kind", "session_return", "nav", "flow").rows()
        for period, label_of in labels.items():
            before = ZERO
            for label, group in itertools.groupby(records, key=lambda row: label_of(row[0])):
                sessions = list(group)
                last, kind, _, nav, _ = sessions[-1]
                flow = sum((row[4] for row in sessions), ZERO)
                earned = round(linked_return(row[2] for row in sessions), _DIGITS)
                gain = nav - before - flow
                rows.append((last, period, account, kind, label, len(sessions), earned, nav, flow, gain))
                before = nav
    return pl.DataFrame(rows, schema=PERIOD_RETURNS.schema, orient="row").sort(PERIOD_RETURNS.key)


def _by_account(net_asset_value: pl.DataFrame) -> Iterable[tuple[tuple[Any, ...], pl.DataFrame]]:
    ordered = net_asset_value.sort("account", "session")
    return ordered.partition_by("account", as_dict=True, maintain_order=True).items()


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)
