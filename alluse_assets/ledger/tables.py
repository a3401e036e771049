"""The ledger's tables, projected from the journal: balances, positions, lots, net asset value.

Only descriptions belong here; ``project`` makes the rows. Every table begins with the session whose close
it describes. Debits are positive, so liabilities, and short positions with them, are negative.
"""

from __future__ import annotations

import polars as pl

from alluse_assets.base.table_catalog import Column, Table

MONEY = pl.Decimal(20, 2)
"""Amounts of the ledger in columns: US dollars, exact to the cent. Prices and ratios are ``Float64``."""

BOOK_ROW = "BOOK"
"""The account name of the rows that stand for all accounts together, in tables that have such rows."""

SESSION = Column("session", pl.Date, "Trading session, at whose close the row holds.", "date")
ACCOUNT = Column("account", pl.String, "Trading account, for example GEN-1.")
_INSTRUMENT = Column("instrument", pl.String, "Ticker of a share, compact OCC symbol of an option.")


def money(name: str, description: str, nullable: bool = False, low: float | None = None) -> Column:
    """A column of exact amounts."""
    return Column(name, MONEY, description, "USD", nullable, low)


BALANCES = Table(
    name="balances",
    description="Balance of every ledger account: the running sum of its postings. Debits are positive.",
    grain="one ledger account of one trading account at one close",
    layer="core",
    key=("session", "account", "ledger_account"),
    columns=(
        SESSION,
        ACCOUNT,
        Column("ledger_account", pl.String, "Account of the chart, for example cash or short_options."),
        money("balance", "Sum of all postings up to the close."),
    ),
)

POSITIONS = Table(
    name="positions",
    description="What each account holds, what it cost and what it is worth.",
    grain="one instrument in one account at one close",
    layer="core",
    key=("session", "account", "instrument"),
    columns=(
        SESSION,
        ACCOUNT,
        _INSTRUMENT,
        Column("symbol", pl.String, "The share itself, or the option's underlying."),
        Column("instrument_kind", pl.String, "A share or an option.", allowed=("share", "option")),
        Column("right", pl.String, "P put, C call; null for a share.", "", True, allowed=("C", "P")),
        Column("expiry", pl.Date, "Last trading day of the option; null for a share.", "date", True),
        Column("strike", pl.Float64, "Strike of the option; null for a share.", "USD per share", True, 0.001),
        Column("quantity", pl.Int64, "Shares, or contracts; negative when short.", "shares or contracts"),
        money("cost", "Cost in the ledger; of a short option the premium received, negative."),
        Column("mark", pl.Float64, "Price at which it is valued.", "USD per share", low=0),
        Column(
            "mark_basis",
            pl.String,
            "Where the price came from: the close, the last price of a share that has no close, a two-sided "
            "quote, the model on the surface, the model at the last implied volatility, the intrinsic value.",
            allowed=("close", "stale", "quote", "surface", "model", "intrinsic"),
        ),
        money("market_value", "Quantity at the mark; negative when short."),
    ),
)

LOTS = Table(
    name="lots",
    description="The lots behind the positions, oldest first, at each week's last close and the last of all.",
    grain="one lot of one instrument in one account at one close",
    layer="core",
    key=("session", "account", "instrument", "lot"),
    columns=(
        SESSION,
        ACCOUNT,
        _INSTRUMENT,
        Column("lot", pl.Int32, "Place in the queue: 1 leaves first.", low=1),
        Column("acquired", pl.Date, "Day on which it was bought, assigned or sold short.", "date"),
        Column("quantity", pl.Int64, "Units left in the lot; negative when short.", "shares or contracts"),
        money("cost", "Cost of what is left; of a short option the premium received, negative."),
        Column("assigned", pl.Boolean, "Whether an assigned put brought the shares."),
        Column("chain_id", pl.String, "Of a short option: the order that opened it.", "", True),
    ),
)

NET_ASSET_VALUE = Table(
    name="net_asset_value",
    description=(
        "Net asset value of each account and of the book, what flowed in or out, and the unit value: a "
        "time-weighted index that flows do not move."
    ),
    grain=f"one account, or {BOOK_ROW} for all of them, at one close",
    layer="out",
    key=("session", "account"),
    columns=(
        SESSION,
        Column("account", pl.String, f"Trading account; {BOOK_ROW} is the sum of all."),
        Column("kind", pl.String, "Account kind.", allowed=("gen", "rev", "com", "book")),
        money("cash", "Settled cash."),
        money("receivables", "Owed to the account: unsettled proceeds, dividends before their pay date."),
        money("shares_value", "Shares at their closing price."),
        money("long_options_value", "Long options at the mark; not below zero."),
        money("short_options_value", "Short options at the mark; not above zero."),
        money("nav", "Cash + receivables + shares + long and short options."),
        money("flow", "Capital and transfers in, less transfers out and tax paid, since the previous close."),
        Column("session_return", pl.Float64, "NAV / (previous NAV + flow) - 1.", "share", low=-1),
        Column("unit_value", pl.Float64, "Product of 1 + session_return from the first session.", "", low=0),
        Column("high_water_mark", pl.Float64, "Highest unit value so far, at least 1.", "", low=1),
        Column("drawdown", pl.Float64, "Unit value / high-water mark - 1.", "share", low=-1, high=0),
    ),
)
