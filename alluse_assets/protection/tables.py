"""The tables of protection, projected from the journal: levels, states of accounts, holds, stops, rolls.

Only descriptions belong here; ``project`` and ``project_history`` make the rows.
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

CHAIN_CONTRACTS = Table(
    name="chain_contracts",
    description="What is open of each chain of rolls: the contract that it began with, or a later one.",
    grain="one open contract of one chain of one account at one close",
    layer="core",
    key=("session", "account", "contract"),
    columns=(
        SESSION,
        ACCOUNT,
        Column("contract", pl.String, "Compact OCC symbol."),
        Column("chain", pl.String, "The chain: the order that began it."),
        Column("contracts", pl.Int64, "Open of it.", "contracts", low=1),
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

_WHEN = pl.Datetime("us", "UTC")
_DAY = Column("session", pl.Date, "New York date on which it began.", "date")

LEVEL_CHANGES = Table(
    name="level_changes",
    description=(
        "Every change of a protection level: what the underlying had done, the actions that the table asks "
        "for, and the action script: the exact orders that they come to."
    ),
    grain="one change of one chain's level",
    layer="core",
    key=("session", "account", "chain", "changed_at", "level_to"),
    columns=(
        Column("session", pl.Date, "Trading session.", "date"),
        ACCOUNT,
        Column("chain", pl.String, "The chain: the order that began it."),
        Column("changed_at", _WHEN, "When.", "UTC"),
        Column("symbol", pl.String, "Underlying."),
        Column("right", pl.String, "P put, C covered call.", allowed=("C", "P")),
        Column("level_from", pl.Int32, "Level before.", low=0, high=3),
        Column("level_to", pl.Int32, "Level from then on.", low=0, high=3),
        Column("multiple", pl.Float64, "Adverse move then, in ATRs of the first entry.", "ATRs"),
        Column("price", pl.Float64, "Price of the underlying then.", "USD per share", low=0),
        Column("anchor_price", pl.Float64, "Its price at the first entry.", "USD per share", low=0),
        Column("anchor_atr", pl.Float64, "Its ATR at the first entry.", "USD per share", low=0),
        Column(
            "moment", pl.String, "What was seen: open (prices alone), quotes.", allowed=("open", "quotes")
        ),
        Column("triggers", pl.List(pl.String), "Further triggers that raised it; empty: the move alone."),
        Column("actions", pl.List(pl.String), "Actions of the level for this account kind and side."),
        Column("script", pl.String, "Orders that the actions come to, as JSON; an empty list: none."),
    ),
)

ACCOUNT_HOLDS = Table(
    name="account_holds",
    description="What holds, or held, an account out of ACTIVE: why, since when, and who may end it.",
    grain="one hold of one account",
    layer="core",
    key=("session", "account", "hold", "placed_at"),
    columns=(
        _DAY,
        ACCOUNT,
        Column("hold", pl.String, "What holds it: a kind, with what it is about behind a colon."),
        Column("placed_at", _WHEN, "Since when.", "UTC"),
        Column("state", pl.String, "The state that it holds the account in."),
        Column("why", pl.String, "Why, in words."),
        Column("placed_by", pl.String, "Which rule or person placed it."),
        Column("may_lift", pl.List(pl.String), "Who may end it: rule, person; empty: nobody."),
        Column("ends_when", pl.String, "What somebody hears who may not end it; null: both may.", "", True),
        Column("lifted_at", _WHEN, "Until when; null: it still holds.", "UTC", True),
        Column("lifted_by", pl.String, "Which rule or person ended it.", "", True),
        Column("lifted_why", pl.String, "Why it ended.", "", True),
    ),
)

STOPS = ("cool_off", "deep_drawdown", "drawdown_pivot", "vix_breaker")

PROTECTION_STOPS = Table(
    name="protection_stops",
    description=(
        "What limits new entries for a while: cool-offs after level 3, deep drawdowns of a symbol, drawdown "
        "pivots of an account, tiers of the circuit breaker on the VIX."
    ),
    grain="one limit from its beginning to its end",
    layer="core",
    key=("session", "stop"),
    columns=(
        _DAY,
        Column("stop", pl.String, "Key of the event that began it."),
        Column("kind", pl.String, "What it is.", allowed=STOPS),
        Column("account", pl.String, "Trading account; null: all of them.", "", True),
        Column("symbol", pl.String, "Underlying; null: all of them.", "", True),
        Column("began_at", _WHEN, "When.", "UTC"),
        Column("level", pl.Int32, "Level kept, or tier: 1 half, 2 SAFE, 3 CLOSE_ONLY; else null.", "", True),
        Column(
            "measure",
            pl.Float64,
            "What began it: share under the strike or the mark (above zero), or the VIX in points.",
            "share or points",
            True,
        ),
        Column("is_stale", pl.Boolean, "Whether the VIX was older than allowed."),
        Column("until", pl.Date, "First session in which it may end, or puts may resume.", "date", True),
        Column("resumed_at", _WHEN, "When puts resumed at a part of their size in a pivot.", "UTC", True),
        Column("ended_at", _WHEN, "When it ended; null: it still holds.", "UTC", True),
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
