"""The tables of protection, projected from the journal: levels, states of accounts, rolls.

Only descriptions belong here; ``project`` makes the rows.
"""

from __future__ import annotations

import polars as pl

from alluse_assets.base.table_catalog import Column, Table
from alluse_assets.ledger.tables import ACCOUNT, SESSION, money

PROTECTION_LEVELS = Table(
    name="protection_levels",
    description=(
        "The protection level of every open chain of rolls: how many ATRs of its first entry the underlying "
        "has moved against it, and what that comes to."
    ),
    grain="one open chain of rolls of one account at one close",
    layer="core",
    key=("session", "account", "chain"),
    columns=(
        SESSION,
        ACCOUNT,
        Column("chain", pl.String, "The chain: the order that began it."),
        Column("symbol", pl.String, "Underlying."),
        Column("right", pl.String, "P put, C covered call.", allowed=("C", "P")),
        Column("contracts", pl.Int64, "Open contracts.", "contracts", low=1),
        Column("level", pl.Int32, "0 normal, 1 enhanced, 2 recovery, 3 preservation.", low=0, high=3),
        Column("multiple", pl.Float64, "Adverse move at the close, in ATRs of the first entry.", "ATRs"),
        Column("close", pl.Float64, "Close of the underlying.", "USD per share", low=0),
        Column("anchor_price", pl.Float64, "Its price at the first entry.", "USD per share", low=0),
        Column("anchor_atr", pl.Float64, "Its ATR at the first entry.", "USD per share", low=0),
        money("credit", "Premiums received less what buying back for rolls cost."),
        Column("was_rolled", pl.Boolean, "Whether it was rolled since it came to the level of rolls."),
    ),
)

ACCOUNT_STATES = Table(
    name="account_states",
    description="The state of each account, what holds it there, and what else limits it.",
    grain="one account at one close",
    layer="core",
    key=("session", "account"),
    columns=(
        SESSION,
        ACCOUNT,
        Column("state", pl.String, "ACTIVE, or the strictest state that something holds it in."),
        Column("holds", pl.List(pl.String), "What holds it; empty: nothing."),
        Column("vix_tier", pl.Int32, "Circuit breaker: 0 none, 1 half, 2 SAFE, 3 CLOSE_ONLY.", low=0, high=3),
        Column("in_drawdown_pivot", pl.Boolean, "Whether a drawdown allows it calls only."),
        Column("puts_resumed", pl.Boolean, "Whether it sells puts at a part of their size all the same."),
        Column("deep_drawdowns", pl.List(pl.String), "Symbols that no account sells puts on for a while."),
        Column("cooling_off", pl.List(pl.String), "Symbols that keep the level of a chain that ended."),
    ),
)

ROLLS = Table(
    name="rolls",
    description="Every roll that was due: made, or the reason why not.",
    grain="one roll that was due at one look",
    layer="core",
    key=("session", "account", "contract", "decided_at"),
    columns=(
        Column("session", pl.Date, "Trading session.", "date"),
        ACCOUNT,
        Column("contract", pl.String, "Compact OCC symbol of what was open."),
        Column("decided_at", pl.Datetime("us", "UTC"), "When.", "UTC"),
        Column("chain", pl.String, "The chain of rolls."),
        Column("symbol", pl.String, "Underlying."),
        Column("right", pl.String, "P put, C covered call.", allowed=("C", "P")),
        Column("cause", pl.String, "Why it was due.", allowed=("level", "dividend_risk")),
        Column("outcome", pl.String, "order, or why it was not made."),
        Column("state", pl.String, "ROLLED, CLOSED_ONLY, UNCHANGED; ROLLING while it is under way."),
        Column("why", pl.String, "Why a leg of it was not placed or not filled.", nullable=True),
        Column("contracts", pl.Int64, "Contracts that were due.", "contracts", low=1),
        Column("to", pl.String, "What it was rolled into.", nullable=True),
        Column("net", pl.Float64, "Net price asked for, received positive.", "USD per share", True),
        Column("cost_to_close", pl.Float64, "What buying back cost.", "USD per share", True),
        money("chain_credit", "Credit of the chain before it."),
        Column("refused", pl.String, "What the screen refused of the targets: reason and how often."),
    ),
)
