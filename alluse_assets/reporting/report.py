"""The performance report of a book: one page of HTML that opens offline and prints.

``render_report`` is pure: the projected tables and what is known of the book in, the page's text out.
Nothing on the page is computed from anything but those tables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import jinja2
import polars as pl

from alluse_assets.accounts.config_in_force import config_in_force, config_state
from alluse_assets.base.config.model_fields import KINDS
from alluse_assets.base.money import ZERO
from alluse_assets.journal.chain import RecordedEvent
from alluse_assets.ledger.tables import BOOK_ROW
from alluse_assets.reporting.charts import Series, line_chart
from alluse_assets.reporting.floor_comparison import FloorComparison
from alluse_assets.strategies.entries import ASKED_UNDER_FLOOR
from alluse_assets.weeks.week_types import WEEK_TYPE_TEXT, WeekType

_ASSIGNMENTS = ("assigned", "called_away", "cash_settled")


@dataclass(frozen=True, slots=True)
class ReportMeta:
    """What is known of a book beside its tables.

    ``model_priced``: whether its options were priced by a model instead of a market.
    """

    book: str
    profile: str
    lump_sum: Decimal
    source: str
    model_priced: bool
    rules_not_active: tuple[str, ...]
    floors: Mapping[str, tuple[float, float]]
    """Account kind -> lowest premium yield of puts and of calls, shares."""
    journal_events: int
    journal_hash: str
    config_fingerprint: str


def report_meta(book: str, rows: Sequence[RecordedEvent]) -> ReportMeta:
    """What the journal says of a book, its configuration as it is in force at the end.

    Args:
        book: its name.
        rows: its journal from the first event.
    """
    opened: Any = rows[0].event.payload
    state = config_state(row.event for row in rows)
    config = config_in_force(state)
    return ReportMeta(
        book=book,
        profile=opened["profile"],
        lump_sum=Decimal(opened["lump_sum"]),
        source=config.market.source,
        model_priced=config.market.source == "sample",
        rules_not_active=tuple(opened["rules_not_active"]),
        floors={
            kind: (rules.puts.min_premium_yield, rules.calls.min_premium_yield)
            for kind, rules in ((kind, config.accounts.of(kind)) for kind in KINDS)
        },
        journal_events=len(rows),
        journal_hash=rows[-1].hash.hex(),
        config_fingerprint=state.config_fingerprint,
    )


def render_report(
    tables: Mapping[str, pl.DataFrame], meta: ReportMeta, compared: FloorComparison | None = None
) -> str:
    """The page.

    Args:
        tables: the projected tables by name, of a book that has closed at least one session.
        meta: what is known of the book beside them.
        compared: a replay beside the same one with approval = yes; None of other books.
    """
    performance = {row["account"]: row for row in tables["performance"].iter_rows(named=True)}
    in_order = sorted(
        (KINDS.index(row["kind"]), name) for name, row in performance.items() if name != BOOK_ROW
    )
    accounts = [name for _, name in in_order]
    columns = [*accounts, BOOK_ROW]
    trades = tables["option_trades"].sort("session", "account", "trade", "part")
    assigned = trades.filter(pl.col("how_ended").is_in(_ASSIGNMENTS)).sort("closed", "trade")
    returns = tables["period_returns"]
    return (
        _environment()
        .get_template("book_report.html")
        .render(
            meta=meta,
            book=performance[BOOK_ROW],
            accounts=accounts,
            columns=columns,
            performance=performance,
            nav_chart=_nav_chart(tables["net_asset_value"], accounts),
            drawdown_charts=_drawdown_charts(tables["net_asset_value"], columns),
            months=_by_period(returns, "month", columns),
            weeks=_by_period(returns, "week", columns),
            trades=trades.rows(named=True),
            assignments=assigned.rows(named=True),
            purchases=tables["orders"]
            .filter(pl.col("action") == "BUY", pl.col("filled") > 0)
            .rows(named=True),
            positions=_last_session(tables["positions"], performance[BOOK_ROW]["session"]),
            week_types=_week_types(tables["week_types"], accounts),
            modes=tables["market_modes"].rows(named=True),
            floors=_floors(tables["entry_decisions"], tables["orders"], meta, accounts),
            compared=compared,
            denied=tables["orders"]
            .filter(pl.col("reason").is_not_null(), ~pl.col("reason").str.starts_with("gate approval@"))
            .rows(named=True),
        )
    )


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("alluse_assets.reporting"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(whole=_whole, cents=_cents, percent=_percent, ratio=_ratio, price=_price)
    return environment


def _nav_chart(values: pl.DataFrame, accounts: Sequence[str]) -> str:
    days, series = _series(values, accounts, "nav")
    first, last = days[0], days[-1]
    return line_chart(
        "Net asset value by account",
        f"Net asset value of {', '.join(accounts)} at each close from {first} to {last}, US dollars.",
        days,
        series,
        lambda value: f"{value / 1000:,.0f}k",
    )


def _drawdown_charts(values: pl.DataFrame, columns: Sequence[str]) -> list[tuple[str, str]]:
    """Account and chart; all charts have the same scale."""
    days, series = _series(values, columns, "drawdown")
    deepest = min(min(line.values) for line in series)
    return [
        (
            line.name,
            line_chart(
                f"Drawdown of {line.name}",
                f"How far the unit value is under its highest so far; at most {-min(line.values):.1%}.",
                days,
                [line],
                lambda value: _signed(f"{value:.1%}"),
                width=480,
                height=170,
                filled=True,
                at_least=(deepest, 0.0),
            ),
        )
        for line in series
    ]


def _series(values: pl.DataFrame, accounts: Sequence[str], column: str) -> tuple[list[date], list[Series]]:
    days: list[date] = values["session"].unique().sort().to_list()
    place = {day: index for index, day in enumerate(days)}
    series = []
    for style, account in enumerate(accounts, start=1):
        own = values.filter(pl.col("account") == account)
        line = [0.0] * len(days)
        for session, value in own.select("session", pl.col(column).cast(pl.Float64)).iter_rows():
            line[place[session]] = value
        series.append(Series(account, line, style))
    return days, series


def _by_period(returns: pl.DataFrame, period: str, columns: Sequence[str]) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for row in returns.filter(pl.col("period") == period).sort("session").iter_rows(named=True):
        entry = found.setdefault(row["label"], {"label": row["label"], "returns": {}})
        entry["returns"][row["account"]] = row["period_return"]
        if row["account"] == BOOK_ROW:
            entry |= {"gain": row["gain"], "nav": row["nav"]}
    assert all(set(entry["returns"]) <= set(columns) for entry in found.values())
    return list(found.values())


def _last_session(frame: pl.DataFrame, session: date) -> list[dict[str, Any]]:
    return frame.filter(pl.col("session") == session).sort("account", "instrument").rows(named=True)


def _week_types(types: pl.DataFrame, accounts: Sequence[str]) -> list[dict[str, Any]]:
    counted = {
        (account, kind): count
        for account, kind, count in types.group_by("account", "week_type").len().iter_rows()
    }
    return [
        {
            "type": kind.value,
            "text": WEEK_TYPE_TEXT[kind],
            "counts": {account: counted.get((account, kind.value), 0) for account in accounts},
        }
        for kind in WeekType
    ]


def _floors(
    decisions: pl.DataFrame, orders: pl.DataFrame, meta: ReportMeta, accounts: Sequence[str]
) -> list[dict[str, Any]]:
    """Per account and right: what the premium floor refused that nothing else did."""
    filled = orders.filter(pl.col("filled") > 0).select("session", "account", chosen="instrument")
    approved: dict[tuple[str, str], int] = {
        (account, right): count
        for account, right, count in decisions.filter(pl.col("outcome") == ASKED_UNDER_FLOOR)
        .join(filled, on=["session", "account", "chosen"], how="semi")
        .group_by("account", "right")
        .len()
        .iter_rows()
    }
    rows = []
    for account in accounts:
        for right in ("P", "C"):
            own = decisions.filter(pl.col("account") == account, pl.col("right") == right)
            if own.is_empty():
                continue
            asked = own.filter(pl.col("outcome") == ASKED_UNDER_FLOOR).height
            missed = own.filter(pl.col("outcome") == "none_passed", pl.col("floor_alone") > 0).height
            missed += asked - approved.get((account, right), 0)
            rows.append(
                {
                    "account": account,
                    "side": "puts" if right == "P" else "calls",
                    "floor": meta.floors[own["kind"][0]][right == "C"],
                    "decisions": own.height,
                    "orders": own.filter(pl.col("outcome") == "order").height,
                    "floor_alone": own["floor_alone"].sum(),
                    "asked": asked,
                    "missed": missed,
                }
            )
    return rows


def _whole(amount: Decimal | float | None) -> str:
    return _signed(f"{amount:,.0f}") if amount is not None else "–"


def _cents(amount: Decimal | None) -> str:
    return _signed(f"{amount or ZERO:,.2f}") if amount is not None else "–"


def _percent(share: float | None, digits: int = 2) -> str:
    return _signed(f"{share:.{digits}%}") if share is not None else "–"


def _ratio(value: float | None) -> str:
    return _signed(f"{value:.2f}") if value is not None else "–"


def _price(value: float | None) -> str:
    return _signed(f"{value:,.2f}") if value is not None else "–"


def _signed(text: str) -> str:
    """A real minus sign, which is as wide as a digit; none before a zero."""
    return text.replace("-", "−" if any(c in "123456789" for c in text) else "")
