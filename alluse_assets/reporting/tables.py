"""The tables of performance. Only descriptions belong here; ``performance`` makes the rows."""

from __future__ import annotations

import polars as pl

from alluse_assets.base.table_catalog import Column, Table
from alluse_assets.ledger.tables import BOOK_ROW, money

_ACCOUNT = Column("account", pl.String, f"Trading account; {BOOK_ROW} is all of them together.")
_KIND = Column("kind", pl.String, "Account kind.", allowed=("gen", "rev", "com", "book"))


def _ratio(name: str, description: str, unit: str = "", low: float | None = None) -> Column:
    return Column(name, pl.Float64, description + " Null where it is not defined.", unit, True, low)


PERFORMANCE = Table(
    name="performance",
    description=(
        "Performance since the first session, per account and for the book. Time-weighted, before tax; "
        "252 sessions are a year and the risk-free rate is taken as zero. Options count as trades of their "
        "own (see option_trades)."
    ),
    grain=f"one account, or {BOOK_ROW}",
    layer="out",
    key=("session", "account"),
    columns=(
        Column("session", pl.Date, "Last session that counts.", "date"),
        _ACCOUNT,
        _KIND,
        Column("first_session", pl.Date, "First session that counts.", "date"),
        Column("sessions", pl.Int32, "Sessions that count.", "sessions", low=1),
        money("capital", "Capital paid in and transferred, net."),
        money("nav", "Net asset value at the last close."),
        money("gain", "NAV less capital."),
        Column("time_weighted_return", pl.Float64, "Return that flows do not move.", "share", low=-1),
        _ratio("cagr", "Compound annual growth rate.", "per year", -1),
        _ratio("volatility_annual", "Standard deviation of session returns x root 252.", "per year", 0),
        _ratio("sharpe", "Mean session return / its standard deviation x root 252."),
        _ratio("sortino", "Mean session return / root mean square of the negative ones x root 252."),
        _ratio("calmar", "CAGR / deepest drawdown."),
        Column(
            "max_drawdown",
            pl.Float64,
            "Deepest fall of the unit value under its high.",
            "share",
            False,
            -1,
            0,
        ),
        Column("max_drawdown_sessions", pl.Int32, "Longest time under a high.", "sessions", low=0),
        Column("trades_closed", pl.Int32, "Option trades that ended.", "trades", low=0),
        Column("assignments", pl.Int32, "Of these, assigned or called away.", "trades", low=0),
        _ratio("hit_rate", "Closed option trades with a gain / all closed.", "share", 0),
        _ratio("profit_factor", "Gains / losses of closed option trades.", "", 0),
        _ratio("premium_captured", "Gain of closed option trades / their credit.", "share"),
        _ratio("yield_on_collateral_annual", "Gain of closed puts / (strike x time).", "per year"),
        money("credit", "Premium of closed option trades.", low=0),
        money("fees", "All fees paid.", low=0),
    ),
)

PERIOD_RETURNS = Table(
    name="period_returns",
    description="Time-weighted returns of trading weeks and calendar months, per account and for the book.",
    grain=f"one week or month of one account, or {BOOK_ROW}",
    layer="out",
    key=("session", "period", "account"),
    columns=(
        Column("session", pl.Date, "The period's last session so far.", "date"),
        Column("period", pl.String, "week or month.", allowed=("week", "month")),
        _ACCOUNT,
        _KIND,
        Column("label", pl.String, "Monday of the week, or YYYY-MM."),
        Column("sessions", pl.Int32, "Sessions of the period so far.", "sessions", low=1),
        Column("period_return", pl.Float64, "Linked session returns.", "share", low=-1),
        money("nav", "Net asset value at the period's end."),
        money("flow", "Flows in the period."),
        money("gain", "Change of NAV less flows."),
    ),
)
