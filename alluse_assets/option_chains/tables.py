"""The tables of this domain: option quotes as they came, and chains enriched with what follows from them.

Only descriptions belong here; cleaning and pricing do not.
"""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from alluse_assets.base.table_catalog import Column, Table

UTC_MICROSECONDS = pl.Datetime("us", "UTC")

# Three percents of forward in the last second.
LARGEST_YIELD = 1e6

IV_STATUSES = (
    "ok",
    "no_quote",
    "zero_time",
    "below_intrinsic",
    "above_bound",
    "no_vega",
    "bad_input",
    "not_converged",
)

_QUOTE_COLUMNS = (
    Column(
        "quote_ts",
        UTC_MICROSECONDS,
        "Instant at which the chain was looked at: the same for all rows of one snapshot.",
        "UTC",
    ),
    Column("session", pl.Date, "Trading session of the quote: its New York date.", "date"),
    Column("underlying", pl.String, "Ticker of the share or index the option is on."),
    Column(
        "underlying_price",
        pl.Float64,
        "Price of the underlying at the instant of the quote.",
        "USD per share",
        low=0.0001,
        high=1e7,
    ),
    Column("contract_symbol", pl.String, "Compact OCC symbol of the contract, AAPL110121P00320000."),
    Column("expiry", pl.Date, "Last trading day of the contract.", "date"),
    Column(
        "right", pl.String, "C for a call (right to buy), P for a put (right to sell).", allowed=("C", "P")
    ),
    Column("strike", pl.Float64, "Price at which it can be exercised.", "USD per share", low=0.001, high=1e5),
    Column(
        "bid", pl.Float64, "Best price somebody pays; 0 when nobody bids.", "USD per share", low=0, high=1e6
    ),
    Column(
        "ask",
        pl.Float64,
        "Best price somebody asks; never below the bid.",
        "USD per share",
        low=0.0001,
        high=1e6,
    ),
    Column(
        "last", pl.Float64, "Price of the latest trade; null if none.", "USD per share", True, low=0, high=1e6
    ),
    Column("volume", pl.Int64, "Contracts traded in the session so far.", "contracts", True, low=0),
    Column("open_interest", pl.Int64, "Contracts open at the session's start.", "contracts", True, low=0),
    Column(
        "age_seconds",
        pl.Float64,
        "How long before quote_ts the bid or ask was last set, where the source says.",
        "seconds",
        True,
        low=0,
    ),
    Column("source", pl.String, "Where the row came from; model-priced sources say so in their name."),
)

OPTION_QUOTES = Table(
    name="option_quotes",
    description="Quotes of listed options as the source gave them, after cleaning.",
    grain="one contract at one instant",
    layer="core",
    key=("quote_ts", "contract_symbol"),
    columns=_QUOTE_COLUMNS,
    keeps_versions=True,
    fresh_hours=4,
)

RAW_OPTION_QUOTES = replace(
    OPTION_QUOTES, name="raw_option_quotes", layer="raw", description="Option quotes as the source gave them."
)

PREMIUM_SNAPSHOTS = Table(
    name="premium_snapshots",
    description="Quotes of the configured tickers' options, taken every so many minutes during the session.",
    grain="one contract at one instant",
    layer="core",
    key=("quote_ts", "contract_symbol"),
    columns=_QUOTE_COLUMNS,
    keeps_versions=True,
)

OPTION_TICKS = Table(
    name="option_ticks",
    description="Quotes of options as they streamed in; each row has the instant of its own quote.",
    grain="one contract at one instant",
    layer="core",
    key=("quote_ts", "contract_symbol"),
    columns=_QUOTE_COLUMNS,
)

OPTION_BARS = Table(
    name="option_bars",
    description="Trades of an option in a session; what is left where a source keeps no past quotes.",
    grain="one contract on one session",
    layer="core",
    key=("ts", "contract_symbol"),
    columns=(
        Column("ts", pl.Date, "Trading session (New York date).", "date"),
        Column("underlying", pl.String, "Ticker of the share or index the option is on."),
        Column("contract_symbol", pl.String, "Compact OCC symbol of the contract, AAPL110121P00320000."),
        Column("expiry", pl.Date, "Last trading day of the contract.", "date"),
        Column("right", pl.String, "C for a call, P for a put.", allowed=("C", "P")),
        Column("strike", pl.Float64, "Price at which it can be exercised.", "USD per share", low=0.001),
        *(
            Column(name, pl.Float64, f"{text} price of the session.", "USD per share", low=0, high=1e6)
            for name, text in (("open", "First"), ("high", "Highest"), ("low", "Lowest"), ("close", "Last"))
        ),
        Column("volume", pl.Int64, "Contracts traded in the session.", "contracts", True, low=0),
        Column("trades", pl.Int64, "Number of trades in the session.", "trades", True, low=0),
        Column("source", pl.String, "Where the row came from."),
    ),
    keeps_versions=True,
)

OPTION_CHAINS = Table(
    name="option_chains",
    description=(
        "Option quotes with what follows from them: time to expiry, mid price, implied volatility, Greeks. "
        "Greeks are those of one option on one share, long."
    ),
    grain="one contract at one instant",
    layer="core",
    key=("quote_ts", "contract_symbol"),
    columns=(
        *_QUOTE_COLUMNS,
        Column(
            "dte_days", pl.Int32, "Days from the session to the expiry.", "calendar days", low=0, high=4000
        ),
        Column(
            "years_to_expiry",
            pl.Float64,
            "Time from the quote to 16:00 New York on the expiry date, of index options that settle at the "
            "open to 9:30; 0 at or after it.",
            "years of 365 days",
            low=0,
            high=11,
        ),
        Column(
            "mid",
            pl.Float64,
            "Half of bid plus ask; null unless somebody bids.",
            "USD per share",
            True,
            low=0,
            high=1e6,
        ),
        Column(
            "rate_annual",
            pl.Float64,
            "Risk-free rate to the expiry, continuously compounded: between tenors, or from put-call parity.",
            "per year",
            low=-0.05,
            high=0.5,
        ),
        Column(
            "dividend_yield_annual",
            pl.Float64,
            "Dividend yield used in the model, continuously compounded; of an index what put-call parity "
            "tells where it does (table implied_forwards), so what a stale spot does is in it: near the "
            "expiry, where cents of forward are a large yield, it can be hundreds. Theta is that of a spot "
            "that stays where it is, so it has this yield in it.",
            "per year",
            low=-LARGEST_YIELD,
            high=LARGEST_YIELD,
        ),
        Column(
            "exercise_style",
            pl.String,
            "american can be exercised any day, european on expiry only.",
            allowed=("american", "european"),
        ),
        Column(
            "iv_annual",
            pl.Float64,
            "Implied volatility, at which the model's value is the mid. Null unless iv_status is ok.",
            "per year",
            True,
            low=0.0001,
            high=10,
        ),
        Column("iv_status", pl.String, "ok, or why there is no implied volatility.", allowed=IV_STATUSES),
        Column(
            "delta",
            pl.Float64,
            "Change in value per 1 USD in the underlying.",
            "USD per USD",
            True,
            low=-1,
            high=1,
        ),
        Column("gamma", pl.Float64, "Change in delta per 1 USD in the underlying.", "per USD", True, low=0),
        Column("theta_per_day", pl.Float64, "Change in value per calendar day passed.", "USD per day", True),
        Column(
            "vega_per_point",
            pl.Float64,
            "Change in value per 1 point (0.01) of volatility.",
            "USD per point",
            True,
        ),
        Column(
            "rho_per_point",
            pl.Float64,
            "Change in value per 1 point (0.01) of the rate.",
            "USD per point",
            True,
        ),
    ),
)
