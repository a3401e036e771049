"""Rows for the hot store: any number of them, all different, the same for the same arguments."""

from datetime import UTC, date, datetime, timedelta

import polars as pl

from alluse_assets.market_data.tables import BARS, INTRADAY_BARS
from alluse_assets.option_chains.tables import OPTION_TICKS

OPEN = datetime(2024, 6, 3, 13, 30, tzinfo=UTC)
MONDAY = date(2024, 6, 3)


def option_quotes(number: int, start: datetime = OPEN, every_seconds: int = 20, contracts: int = 3):
    """``number`` quotes of ``contracts`` contracts, one each ``every_seconds``."""
    place = pl.int_range(number, eager=True)
    frame = pl.DataFrame({"place": place}).select(
        quote_ts=pl.lit(start) + pl.duration(seconds=pl.col("place") * every_seconds),
        underlying=pl.lit("IBM"),
        underlying_price=100 + (pl.col("place") % 7) / 10,
        strike=(95 + pl.col("place") % contracts).cast(pl.Float64),
        bid=1 + (pl.col("place") * 37 % 101) / 100,
        open_interest=pl.when(pl.col("place") % 2 == 0).then(pl.col("place")),
        expiry=pl.lit(date(2024, 6, 21)),
        right=pl.lit("P"),
        source=pl.lit("test"),
    )
    return OPTION_TICKS.conform(
        frame.with_columns(
            ask=pl.col("bid") + 0.05 + (pl.col("open_interest").fill_null(3) % 5) / 100,
            session=pl.col("quote_ts").dt.convert_time_zone("America/New_York").dt.date(),
            contract_symbol=pl.format(
                "IBM240621P{}", (pl.col("strike") * 1000).cast(pl.Int64).cast(pl.String).str.zfill(8)
            ),
        )
    )


def minute_bars(session: date, minutes: int = 390, symbol: str = "IBM", first: float = 100.0):
    """One bar a minute from 9:30 New York on."""
    opens = datetime(session.year, session.month, session.day, 13, 30, tzinfo=UTC)
    place = pl.int_range(minutes, eager=True)
    price = first + (place * 17 % 41) / 10
    return INTRADAY_BARS.conform(
        pl.DataFrame(
            {
                "bar_ts": [opens + timedelta(minutes=n) for n in range(minutes)],
                "session": [session] * minutes,
                "symbol": [symbol] * minutes,
                "minutes": [1] * minutes,
                "open": price,
                "high": price + 0.3,
                "low": price - 0.2,
                "close": price + 0.1,
                "volume": place * 10,
                "source": ["test"] * minutes,
            }
        )
    )


def daily_bars(days: list[date], symbols: tuple[str, ...] = ("IBM", "MSFT"), close: float = 100.0):
    """A bar of each symbol on each day."""
    rows = [
        {"ts": day, "symbol": symbol, "close": close + n, "volume": 10 * n, "source": "test"}
        for n, day in enumerate(days)
        for symbol in symbols
    ]
    frame = pl.DataFrame(rows).with_columns(
        pl.col("close").alias("open"), high=pl.col("close") + 1, low=pl.col("close") - 1
    )
    return BARS.conform(frame)
