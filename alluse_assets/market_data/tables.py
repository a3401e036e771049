"""The tables of this domain: bars, quotes of shares, rates, corporate actions, earnings dates, indicators.

Only descriptions belong here; what fills the tables does not.
"""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from alluse_assets.base.table_catalog import Column, Table

UTC_MICROSECONDS = pl.Datetime("us", "UTC")

_SESSION = Column("ts", pl.Date, "Trading session the row belongs to (New York date).", "date")
_SYMBOL = Column("symbol", pl.String, "Ticker of the share or index.")
_SOURCE = Column("source", pl.String, "Where the row came from, for example 'sample' or a vendor's name.")


def _price(name: str, description: str) -> Column:
    return Column(name, pl.Float64, description, "USD per share", low=0.0001, high=1e7)


BARS = Table(
    name="bars",
    description="Daily open, high, low, close and volume, as traded: not adjusted for splits or dividends.",
    grain="one symbol on one session",
    layer="core",
    key=("ts", "symbol"),
    columns=(
        _SESSION,
        _SYMBOL,
        _price("open", "First price of the regular session."),
        _price("high", "Highest price of the regular session."),
        _price("low", "Lowest price of the regular session."),
        _price("close", "Last price of the regular session, the one that marks positions."),
        Column("volume", pl.Int64, "Shares traded; null where the source has none.", "shares", True, low=0),
        _SOURCE,
    ),
    keeps_versions=True,
    fresh_hours=4,
)

RAW_BARS = replace(BARS, name="raw_bars", layer="raw", description="Daily bars as the source gave them.")

INTRADAY_BARS = Table(
    name="intraday_bars",
    description="Open, high, low, close and volume of a few minutes each, as traded, of the regular session.",
    grain="one symbol in one stretch of minutes",
    layer="core",
    key=("bar_ts", "symbol", "minutes"),
    columns=(
        Column("session", pl.Date, "Trading session of the bar: its New York date.", "date"),
        Column("bar_ts", UTC_MICROSECONDS, "Instant at which the bar begins.", "UTC"),
        _SYMBOL,
        Column("minutes", pl.Int32, "Length of the bar.", "minutes", low=1, high=1440),
        _price("open", "First price of the bar."),
        _price("high", "Highest price of the bar."),
        _price("low", "Lowest price of the bar."),
        _price("close", "Last price of the bar."),
        Column("volume", pl.Int64, "Shares traded; null where the source has none.", "shares", True, low=0),
        _SOURCE,
    ),
    keeps_versions=True,
)

SHARE_QUOTES = Table(
    name="share_quotes",
    description="Best bid and ask of shares at an instant.",
    grain="one symbol at one instant",
    layer="core",
    key=("quote_ts", "symbol"),
    columns=(
        Column("session", pl.Date, "Trading session of the quote: its New York date.", "date"),
        Column("quote_ts", UTC_MICROSECONDS, "Instant at which the quote was taken.", "UTC"),
        _SYMBOL,
        Column("bid", pl.Float64, "Best price somebody pays.", "USD per share", low=0, high=1e7),
        Column("ask", pl.Float64, "Best price somebody asks.", "USD per share", low=0.0001, high=1e7),
        Column("bid_size", pl.Int64, "Shares wanted at the bid.", "shares", True, low=0),
        Column("ask_size", pl.Int64, "Shares offered at the ask.", "shares", True, low=0),
        Column("last", pl.Float64, "Price of the latest trade; null if none.", "USD per share", True, low=0),
        _SOURCE,
    ),
    keeps_versions=True,
)

RATES = Table(
    name="rates",
    description="Risk-free interest rates by tenor, used to discount option payoffs.",
    grain="one tenor on one session",
    layer="core",
    key=("ts", "tenor_days"),
    columns=(
        Column("ts", pl.Date, "Day from which the rate holds (New York date).", "date"),
        Column("tenor_days", pl.Int32, "Days to the rate's maturity.", "calendar days", low=1, high=11_000),
        Column(
            "rate_annual",
            pl.Float64,
            "Rate per year, continuously compounded (0.05 is 5%).",
            "per year",
            low=-0.05,
            high=0.5,
        ),
        _SOURCE,
    ),
    keeps_versions=True,
)

CORPORATE_ACTIONS = Table(
    name="corporate_actions",
    description="Splits and cash dividends by the session from which the share trades without them.",
    grain="one action of one symbol",
    layer="core",
    key=("ex_date", "symbol", "kind"),
    columns=(
        Column("ex_date", pl.Date, "First session on which the price has the action in it.", "date"),
        _SYMBOL,
        Column("kind", pl.String, "What happened to the share.", allowed=("split", "dividend")),
        Column(
            "ratio",
            pl.Float64,
            "New shares per old one (2 for a two-for-one split); null for a dividend.",
            "shares per share",
            True,
            low=0.001,
            high=1000,
        ),
        Column(
            "amount", pl.Float64, "Cash dividend; null for a split.", "USD per share", True, low=0, high=1e5
        ),
        _SOURCE,
    ),
    keeps_versions=True,
)

EARNINGS_DATES = Table(
    name="earnings_dates",
    description="Days on which companies report, as far as they are known.",
    grain="one report of one symbol",
    layer="core",
    key=("report_date", "symbol"),
    columns=(
        Column("report_date", pl.Date, "Day of the report (New York date).", "date"),
        _SYMBOL,
        Column(
            "moment",
            pl.String,
            "Before the open, after the close, or not known: then the report counts for the whole day.",
            allowed=("before_open", "after_close", "unknown"),
        ),
        Column("is_confirmed", pl.Boolean, "Whether the company has confirmed the day."),
        _SOURCE,
    ),
    keeps_versions=True,
)


def _indicator(
    name: str, description: str, unit: str, low: float | None = None, high: float | None = None
) -> Column:
    return Column(name, pl.Float64, description + " Null while it warms up.", unit, True, low, high)


INDICATORS = Table(
    name="indicators",
    description="Technical indicators of the daily bars; a value uses its own session and earlier ones only.",
    grain="one symbol on one session",
    layer="core",
    key=("ts", "symbol"),
    columns=(
        _SESSION,
        _SYMBOL,
        _indicator("atr_usd", "Average true range over 14 sessions, Wilder's smoothing.", "USD per share", 0),
        _indicator(
            "rsi", "Relative strength index over 14 sessions: above 70 overbought.", "0 to 100", 0, 100
        ),
        _indicator("macd", "12-session less 26-session exponential average of the close.", "USD per share"),
        _indicator("macd_signal", "9-session exponential average of the MACD line.", "USD per share"),
        _indicator("macd_histogram", "MACD line less its signal line.", "USD per share"),
        _indicator("bollinger_middle", "Mean close of 20 sessions.", "USD per share", 0),
        _indicator(
            "bollinger_upper", "Middle band plus two standard deviations of the close.", "USD per share", 0
        ),
        _indicator(
            "bollinger_lower", "Middle band less two standard deviations of the close.", "USD per share"
        ),
        _indicator(
            "adx", "Average directional index over 14 sessions: above 25 a strong trend.", "0 to 100", 0, 100
        ),
        _indicator("plus_di", "Positive directional indicator over 14 sessions.", "0 to 100", 0, 100),
        _indicator("minus_di", "Negative directional indicator over 14 sessions.", "0 to 100", 0, 100),
        _indicator(
            "realised_volatility_annual",
            "Standard deviation of 20 daily log returns of the close, times the square root of 252.",
            "per year",
            0,
            50,
        ),
    ),
)
