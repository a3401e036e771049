"""Cleaning option quotes: which rows are believed, and by which rule the others are not.

Bounds, types and keys come from the table's description; here are the rules that need more than one
column, or the calendar. Prices and Greeks of a vendor are not read: we compute our own.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from alluse_assets.base.calendar import NEW_YORK, TradingCalendar
from alluse_assets.base.instruments import root_in, root_of_each
from alluse_assets.base.quarantine import Rule, screen, typed_columns
from alluse_assets.market_data.cleaning import sessions_within, source_column
from alluse_assets.option_chains.tables import OPTION_QUOTES

_SATURDAY = 6
_FRIDAY_EXPIRIES = date(2015, 2, 1)
TICKER_PATTERN = r"^[A-Z][A-Z0-9.-]*$"


def clean_option_quotes(
    frame: pl.DataFrame, calendar: TradingCalendar, source: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split ``frame`` into good rows (of OPTION_QUOTES) and refused ones (of QUARANTINE).

    Args:
        frame: OPTION_QUOTES' columns. ``session`` is derived from ``quote_ts`` and need not be there;
            ``source``, ``last``, ``volume`` and ``open_interest`` may be absent; where there is an
            ``is_session`` that says false it is believed; others are ignored.
        calendar: says which dates are sessions.
        source: the name of where the rows came from; also fills an absent ``source``.

    Raises:
        DataError: a column is missing, or of another kind altogether.
    """
    prepared = typed_columns(frame, OPTION_QUOTES, derived=("session", "source")).with_columns(
        pl.col("quote_ts").dt.convert_time_zone(NEW_YORK.key).dt.date().alias("session"),
        pl.col("contract_symbol").str.replace_all(" ", "", literal=True),
        source_column(frame, source),
    )
    prepared = with_trading_expiries(prepared)
    rules = (
        *_session_rules(frame, prepared, calendar),
        *_quote_rules(),
        Rule(
            "expired", "the contract had not expired before the session", pl.col("expiry") < pl.col("session")
        ),
        *contract_rules(),
        expiry_rule(prepared, calendar),
    )
    return screen(frame, prepared, OPTION_QUOTES, rules, source)


def with_trading_expiries(prepared: pl.DataFrame) -> pl.DataFrame:
    """Monthly options expired on Saturdays until 2015-02; here the Friday counts, when they last traded."""
    friday = pl.col("expiry") - pl.duration(days=1)
    symbol = pl.col("contract_symbol")
    moved = pl.concat_str(root_in(symbol), friday.dt.strftime("%y%m%d"), symbol.str.tail(9))
    is_old_saturday = (pl.col("expiry").dt.weekday() == _SATURDAY) & (pl.col("expiry") < _FRIDAY_EXPIRIES)
    names_it = symbol.str.head(-9).str.ends_with(pl.col("expiry").dt.strftime("%y%m%d"))
    return prepared.with_columns(
        contract_symbol=pl.when(is_old_saturday & names_it).then(moved).otherwise(symbol),
        expiry=pl.when(is_old_saturday).then(friday).otherwise(pl.col("expiry")),
    )


def expiry_rule(prepared: pl.DataFrame, calendar: TradingCalendar) -> Rule:
    """That a contract's last trading day is a session, as far as anybody knows yet."""
    expiry = pl.col("expiry")
    sessions = sessions_within(calendar, prepared["expiry"])
    # Beyond the calendar's end nobody knows the holidays yet, but weekends.
    known = expiry.is_between(calendar.first_day, calendar.horizon)
    closed = (known & expiry.is_in(sessions.implode()).not_()) | (expiry.dt.weekday() >= _SATURDAY)
    return Rule("expiry_not_a_session", "the last trading day is a session of XNYS", closed)


def _session_rules(frame: pl.DataFrame, prepared: pl.DataFrame, calendar: TradingCalendar) -> list[Rule]:
    sessions = sessions_within(calendar, prepared["session"])
    closed = pl.col("session").is_in(sessions.implode()).not_()
    if frame.schema.get("is_session") == pl.Boolean:
        closed |= pl.col("is_session").not_()
    rules = [Rule("not_a_session", "the quote was taken on a session of XNYS", closed)]
    if frame.schema.get("session") == pl.Date:
        # `prepared` holds the derived session; the one that came is compared as a literal column.
        differs = pl.lit(frame["session"]) != pl.col("session")
        rules.append(Rule("session_mismatch", "session is the New York date of quote_ts", differs))
    return rules


def _quote_rules() -> list[Rule]:
    bid, ask = pl.col("bid"), pl.col("ask")
    return [
        Rule(
            "underlying_price_missing",
            "the underlying's price is present and above zero",
            pl.col("underlying_price").is_null() | (pl.col("underlying_price") <= 0),
        ),
        Rule(
            "no_quote",
            "somebody bids or asks: bid and ask are present and not both zero",
            bid.is_null() | ask.is_null() | ((bid == 0) & (ask == 0)),
        ),
        Rule("negative_price", "bid and ask are not negative", (bid < 0) | (ask < 0)),
        Rule("ask_below_bid", "ask is at or above bid", ask < bid),
    ]


def contract_rules() -> list[Rule]:
    """Rules of what a row says of its contract: underlying, right, strike, and the symbol that names them."""
    letters = root_of_each(pl.col("underlying"))
    expiry = pl.col("expiry")
    year, month, day = (
        part.cast(pl.Int64) for part in (expiry.dt.year(), expiry.dt.month(), expiry.dt.day())
    )
    series = pl.concat_str(
        (year % 100 * 10_000 + month * 100 + day).cast(pl.String).str.zfill(6),
        pl.col("right"),
        (pl.col("strike") * 1000).round().cast(pl.Int64, strict=False).cast(pl.String).str.zfill(8),
    )
    symbol = pl.col("contract_symbol")
    return [
        Rule(
            "unknown_underlying",
            "underlying is a ticker: a capital letter, then capitals, digits, . or -",
            pl.col("underlying").str.contains(TICKER_PATTERN).not_(),
        ),
        Rule("unknown_right", "right is C or P", pl.col("right").is_in(["C", "P"]).not_()),
        Rule("strike_not_positive", "strike is above zero", pl.col("strike") <= 0),
        Rule(
            "symbol_mismatch",
            "contract_symbol names the row's own underlying, expiry, right and strike",
            symbol.str.ends_with(series).not_()
            | symbol.str.starts_with(letters).not_()
            # A root is the ticker, or one sign more: SPXW; AAPL1 is told by a rule of its own.
            | (symbol.str.len_bytes().cast(pl.Int64) - 15 - letters.str.len_bytes().cast(pl.Int64) > 1)
            | (symbol.str.len_bytes() > 6 + 15),
        ),
        Rule(
            "adjusted_contract",
            "the contract is a standard one: its root has no digit of an adjustment",
            root_in(symbol).str.contains(r"\d$") & letters.str.contains(r"\d$").not_(),
        ),
    ]
