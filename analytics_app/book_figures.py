"""The numbers and tables of the overview, from a book's tables and a range of days. Pure.

Returns, drawdowns and premium captured are those of ``reporting.performance``, over the range only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import polars as pl

from alluse_assets.base.config.model_fields import KINDS
from alluse_assets.ledger.tables import BOOK_ROW
from alluse_assets.reporting.performance import drawdown_statistics, linked_return, trade_statistics

ENDING_TEXT = {
    "open": "open",
    "expired": "expired",
    "assigned": "assigned",
    "called_away": "called away",
    "cash_settled": "cash settled",
    "bought_back": "bought back",
    "rolled": "rolled",
}


@dataclass(frozen=True, slots=True)
class Headline:
    """What one account, or the book, did in a range of days.

    Attributes:
        account: its name, or ``BOOK``.
        kind: gen, rev, com or book.
        nav: net asset value at the last close, USD.
        time_weighted_return: over the range, a share.
        max_drawdown: deepest fall under a high of the range, not above zero, a share.
        premium_captured: gain / credit of the option trades that ended in the range; None without one.
        credit: that credit, USD.
        trades_closed: how many ended.
    """

    account: str
    kind: str
    nav: Decimal
    time_weighted_return: float
    max_drawdown: float
    premium_captured: float | None
    credit: Decimal
    trades_closed: int


def within(frame: pl.DataFrame, start: date, end: date, column: str = "session") -> pl.DataFrame:
    """The rows of which ``column`` is a day from ``start`` to ``end``, both included."""
    return frame.filter(pl.col(column).is_between(start, end))


def account_names(net_asset_value: pl.DataFrame) -> list[str]:
    """The accounts in the order of their kinds, without the book's row."""
    pairs = net_asset_value.select("account", "kind").unique().rows()
    return [name for name, _ in sorted(pairs, key=lambda p: (_place(p[1]), p[0])) if name != BOOK_ROW]


def headlines(net_asset_value: pl.DataFrame, trades: pl.DataFrame) -> list[Headline]:
    """One for the book, then one an account.

    Args:
        net_asset_value: rows of ``NET_ASSET_VALUE`` in the range, at least one session.
        trades: rows of ``OPTION_TRADES`` that ended in the range.
    """
    found = []
    for account in [BOOK_ROW, *account_names(net_asset_value)]:
        own = net_asset_value.filter(pl.col("account") == account).sort("session")
        if own.is_empty():
            continue
        traded = trades if account == BOOK_ROW else trades.filter(pl.col("account") == account)
        # Of the multiplier only the yield on collateral depends, which is not shown here.
        done = trade_statistics(traded, multiplier=1)
        returns = own["session_return"].to_list()
        found.append(
            Headline(
                account,
                own["kind"][-1],
                own["nav"][-1],
                linked_return(returns),
                drawdown_statistics(returns)[0],
                done.premium_captured,
                done.credit,
                done.trades_closed,
            )
        )
    return found


def positions_at(positions: pl.DataFrame, session: date, accounts: Sequence[str]) -> pl.DataFrame:
    """What was held at the close of ``session``, with gain and days to expiry; ``accounts`` in their order.

    Adds ``holding`` (plain words), ``unrealised_gain`` (market value less cost, USD; of a short option the
    premium received less what it would cost now) and ``dte_days`` (calendar days; null for shares).
    """
    words = pl.when(pl.col("right") == "P").then(pl.lit("short put ")).otherwise(pl.lit("short call "))
    short = pl.when(pl.col("quantity") < 0).then(words).otherwise(words.str.replace("short", "long"))
    return (
        positions.filter(pl.col("session") == session)
        .with_columns(
            holding=pl.when(pl.col("instrument_kind") == "share")
            .then(pl.lit("shares"))
            .otherwise(short + strike_text(pl.col("strike"))),
            unrealised_gain=pl.col("market_value") - pl.col("cost"),
            dte_days=(pl.col("expiry") - pl.col("session")).dt.total_days(),
        )
        .sort(
            pl.col("account").cast(pl.Enum(accounts)),
            "symbol",
            "instrument_kind",
            "expiry",
            "strike",
            nulls_last=True,
        )
    )


def trades_touching(
    trades: pl.DataFrame,
    start: date,
    end: date,
    accounts: Sequence[str] = (),
    symbols: Sequence[str] = (),
    endings: Sequence[str] = (),
) -> pl.DataFrame:
    """The option trades sold or ended from ``start`` to ``end``, newest first; an empty choice means all."""
    kept = trades.filter(
        pl.col("session").is_between(start, end) | pl.col("closed").is_between(start, end).fill_null(False)
    )
    for column, chosen in (("account", accounts), ("symbol", symbols), ("how_ended", endings)):
        if chosen:
            kept = kept.filter(pl.col(column).is_in(list(chosen)))
    return kept.sort("session", "account", "trade", "part", descending=[True, False, False, False])


def strike_text(strike: pl.Expr) -> pl.Expr:
    """A strike as people write it: 505, 27.5."""
    return strike.round(3).cast(pl.String).str.strip_suffix(".0")


def week_counts(week_types: pl.DataFrame, accounts: Sequence[str]) -> dict[str, dict[str, int]]:
    """Week type -> account -> number of weeks, over all tickers."""
    counts: dict[str, dict[str, int]] = {}
    for kind, account in week_types.select("week_type", "account").iter_rows():
        by_account = counts.setdefault(kind, dict.fromkeys(accounts, 0))
        by_account[account] += 1
    return counts


def _place(kind: str) -> int:
    return ("book", *KINDS).index(kind)
