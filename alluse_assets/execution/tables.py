"""The tables of what was ordered and traded, projected from the journal.

Only descriptions belong here; ``project`` makes the rows.
"""

from __future__ import annotations

import polars as pl

from alluse_assets.base.table_catalog import Column, Table
from alluse_assets.execution.lifecycle import OrderState
from alluse_assets.execution.order import Action
from alluse_assets.ledger.tables import ACCOUNT, money

UTC_MICROSECONDS = pl.Datetime("us", "UTC")

ORDERS = Table(
    name="orders",
    description="Every order intent, the refused ones too: what was asked for and what became of it.",
    grain="one order intent",
    layer="core",
    key=("session", "intent"),
    columns=(
        Column("session", pl.Date, "Trading session the order was decided in.", "date"),
        Column(
            "intent",
            pl.String,
            "Id of the order: session, account, purpose, instrument; its number from the second on.",
        ),
        ACCOUNT,
        Column("symbol", pl.String, "The share, or the option's underlying."),
        Column("instrument", pl.String, "Ticker of a share, compact OCC symbol of an option."),
        Column("action", pl.String, "Side and effect.", allowed=tuple(action.value for action in Action)),
        Column("purpose", pl.String, "Why: open_put, open_call, take_profit, first_purchase."),
        Column("quantity", pl.Int64, "Asked for.", "shares or contracts", low=1),
        Column("filled", pl.Int64, "Done.", "shares or contracts", low=0),
        Column("limit_price", pl.Float64, "Worst price allowed.", "USD per share", low=0),
        Column(
            "average_price",
            pl.Float64,
            "Mean price of the fills; null without one.",
            "USD per share",
            True,
            0,
        ),
        money("amount", "Price times units of all fills, before fees.", low=0),
        money("fees", "Fees of all fills.", low=0),
        Column(
            "state", pl.String, "Where it ended or is.", allowed=tuple(state.value for state in OrderState)
        ),
        Column("reason", pl.String, "Who refused it and why; null when nobody did.", "", True),
        Column("created_at", UTC_MICROSECONDS, "When it was decided.", "UTC"),
        Column("updated_at", UTC_MICROSECONDS, "When its state last changed.", "UTC"),
        Column("delta_points", pl.Float64, "Absolute delta at the decision.", "delta points", True, 0, 100),
        Column("premium_yield", pl.Float64, "Credit / strike at the decision.", "share", True, 0),
        Column("rank", pl.Int32, "Rank among the candidates of its session.", "", True, 1),
        Column("config_version", pl.Int32, "Version of the configuration it was decided under.", "", low=1),
    ),
)

ENDINGS = ("open", "expired", "assigned", "called_away", "cash_settled", "bought_back", "rolled")

OPTION_TRADES = Table(
    name="option_trades",
    description=(
        "Every short option sold, with how it ended. Each part that ends on its own is a row. "
        "The result is the option's alone, as if settled in cash: of an assignment or a call-away "
        "the debit is the intrinsic value that day, and the shares come or go at that day's price."
    ),
    grain="one part of one short option, from its sale to its end",
    layer="core",
    key=("session", "trade", "part"),
    columns=(
        Column("session", pl.Date, "Trading session in which it was sold.", "date"),
        Column("trade", pl.String, "The order that opened it."),
        Column("part", pl.Int32, "1 is the part that ended first.", low=1),
        Column("closed", pl.Date, "Trading session in which it ended; null while open.", "date", True),
        ACCOUNT,
        Column("kind", pl.String, "Account kind.", allowed=("gen", "rev", "com")),
        Column("symbol", pl.String, "Underlying."),
        Column("contract", pl.String, "Compact OCC symbol."),
        Column("right", pl.String, "P put, C call.", allowed=("C", "P")),
        Column("strike", pl.Float64, "Strike.", "USD per share", low=0.001),
        Column("expiry", pl.Date, "Last trading day of the contract.", "date"),
        Column("contracts", pl.Int64, "Contracts of this part.", "contracts", low=1),
        money("credit", "Premium received.", low=0),
        money(
            "debit",
            "Paid to end it: buy-back, cash settlement, intrinsic value given; null while open.",
            True,
            0,
        ),
        money("fees", "Fees of its sale and its end.", low=0),
        money("gain", "Credit - debit - fees; null while open.", True),
        Column(
            "settlement_price",
            pl.Float64,
            "Underlying's price when it ended at expiry.",
            "USD per share",
            True,
            0,
        ),
        Column("how_ended", pl.String, "How it ended.", allowed=ENDINGS),
    ),
)
