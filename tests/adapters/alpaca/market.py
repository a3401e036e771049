"""A made market for the loopback server: two shares, their options, a week of March 2024."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

from alluse_assets.base.calendar import trading_calendar

NOW = datetime(2024, 3, 6, 18, 0, tzinfo=UTC)
TODAY = NOW.date()
SESSIONS = trading_calendar().sessions(date(2024, 2, 26), date(2024, 3, 6))
SPOTS = {"AAPL": 170.0, "SPY": 510.0}
EXPIRIES = [
    date(2024, 3, 1),
    *(date(2024, 3, day) for day in (8, 15, 22, 28)),
    date(2024, 6, 21),
    date(2025, 1, 17),
]


def rfc3339(instant: datetime) -> str:
    return (
        instant.strftime("%Y-%m-%dT%H:%M:%S.%f123Z")
        if instant.microsecond
        else f"{instant:%Y-%m-%dT%H:%M:%SZ}"
    )


def bar(instant: datetime, price: float, volume: int = 1000) -> dict[str, Any]:
    return {
        "t": rfc3339(instant),
        "o": price,
        "h": price + 1,
        "l": price - 1,
        "c": price + 0.5,
        "v": volume,
        "n": 7,
        "vw": price,
    }


def midnight(session: date) -> datetime:
    """Midnight in New York, which is where Alpaca's daily bars begin (winter time all week)."""
    return datetime(session.year, session.month, session.day, 5, tzinfo=UTC)


@dataclass
class Market:
    """What the server answers from; a test changes what it needs."""

    now: datetime = NOW
    daily: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    minutes: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    snapshots: dict[str, Any] = field(default_factory=dict)
    contracts: list[dict[str, Any]] = field(default_factory=list)
    option_bars: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    chains: dict[str, Any] = field(default_factory=dict)
    actions: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


def contract_symbol(underlying: str, expiry: date, right: str, strike: float) -> str:
    return f"{underlying}{expiry:%y%m%d}{right}{round(strike * 1000):08d}"


@lru_cache(maxsize=1)
def _contracts() -> tuple[tuple[str, date, str, float], ...]:
    return tuple(
        (underlying, expiry, right, spot + step)
        for underlying, spot in SPOTS.items()
        for expiry in EXPIRIES
        for step in range(-20, 21, 5)
        for right in ("C", "P")
    )


def make_market() -> Market:
    market = Market()
    for symbol, spot in SPOTS.items():
        market.daily[symbol] = [bar(midnight(s), spot + n) for n, s in enumerate(SESSIONS)]
        # Four and a half hours before the open until four after the close: most of it is not regular.
        market.minutes[symbol] = [
            bar(midnight(s) + timedelta(hours=5, minutes=15 * n), spot + n / 100, 100)
            for s in SESSIONS
            for n in range(60)
        ]
        market.snapshots[symbol] = {
            "latestTrade": {"t": rfc3339(NOW - timedelta(seconds=2)), "p": spot + 0.01, "s": 100, "x": "V"},
            "latestQuote": {
                "t": rfc3339(NOW - timedelta(seconds=1, microseconds=5)),
                "bp": spot - 0.05,
                "ap": spot + 0.05,
                "bs": 3,
                "as": 2,
                "bx": "V",
                "ax": "V",
                "c": ["R"],
            },
            "dailyBar": bar(midnight(TODAY), spot),
        }
    for underlying, expiry, right, strike in _contracts():
        symbol = contract_symbol(underlying, expiry, right, strike)
        market.contracts.append(
            {
                "id": symbol,
                "symbol": symbol,
                "status": "active" if expiry >= TODAY else "inactive",
                "tradable": expiry >= TODAY,
                "expiration_date": expiry.isoformat(),
                "root_symbol": underlying,
                "underlying_symbol": underlying,
                "type": "call" if right == "C" else "put",
                "style": "american",
                "strike_price": str(strike),
                "size": "100",
                "open_interest": "120" if strike % 10 == 0 else None,
                "open_interest_date": "2024-03-05",
            }
        )
        market.option_bars[symbol] = [
            bar(midnight(s), 3.0 + n / 10, 40) for n, s in enumerate(SESSIONS) if s <= expiry
        ]
        if expiry >= TODAY:
            market.chains[symbol] = {
                "latestQuote": {
                    "t": rfc3339(NOW - timedelta(seconds=30)),
                    "bp": 2.9,
                    "ap": 3.1,
                    "bs": 10,
                    "as": 12,
                    "bx": "C",
                    "ax": "C",
                    "c": "A",
                },
                "latestTrade": {
                    "t": rfc3339(NOW - timedelta(hours=1)),
                    "p": 3.05,
                    "s": 1,
                    "x": "C",
                    "c": "I",
                },
                "dailyBar": bar(midnight(TODAY if right == "C" else SESSIONS[-2]), 3.0, 55),
                "impliedVolatility": 0.25,
            }
    market.actions = {
        "cash_dividends": [
            _action("d1", "AAPL", date(2024, 2, 27), rate=0.24, process_date="2024-03-14", special=False),
            _action("d2", "AAPL", date(2024, 2, 27), rate=1.0, process_date="2024-03-14", special=True),
            _action("d3", "SPY", date(2024, 3, 15), rate=1.59, process_date="2024-04-30", special=False),
        ],
        "forward_splits": [_action("s1", "SPY", date(2024, 3, 4), old_rate=1, new_rate=4)],
        "reverse_splits": [_action("s2", "AAPL", date(2024, 3, 5), old_rate=10, new_rate=1)],
        "spin_offs": [
            {**_action("o1", "AAPL", date(2024, 3, 5)), "source_symbol": "AAPL", "new_symbol": "PEAR"}
        ],
    }
    return market


def _action(name: str, symbol: str, ex_date: date, **more: Any) -> dict[str, Any]:
    day = ex_date.isoformat()
    return {"id": name, "symbol": symbol, "ex_date": day, "process_date": day, "cusip": "0", **more}
