"""A small book in a lake of its own: three accounts over forty sessions, with easy figures.

Every account gains a tenth of a percent a session, but for one fall of 5 % of COM-1.
"""

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl

from alluse_assets.accounts.tables import BOOK_TERMS
from alluse_assets.adapters.lake import Lake
from alluse_assets.execution.tables import OPTION_TRADES
from alluse_assets.ledger.tables import BOOK_ROW, NET_ASSET_VALUE, POSITIONS
from alluse_assets.orchestration.installation import Installation
from alluse_assets.weeks.tables import WEEK_TYPES

ACCOUNTS = {"GEN-1": ("gen", 400_000), "REV-1": ("rev", 300_000), "COM-1": ("com", 300_000)}
FIRST = date(2011, 1, 3)
SESSIONS = [day for day in (FIRST + timedelta(n) for n in range(56)) if day.weekday() < 5]
LAST = SESSIONS[-1]
FALL = SESSIONS[20]


def cents(amount: float) -> Decimal:
    return Decimal(f"{amount:.2f}")


def net_asset_value() -> pl.DataFrame:
    rows = []
    unit = dict.fromkeys([*ACCOUNTS, BOOK_ROW], 1.0)
    high = dict.fromkeys(unit, 1.0)
    for number, session in enumerate(SESSIONS):
        total = before = 0.0
        for account, (kind, capital) in [*ACCOUNTS.items(), (BOOK_ROW, ("book", 1_000_000))]:
            if account == BOOK_ROW:
                gained, nav = total / before - 1, total
            else:
                gained = -0.05 if (account, session) == ("COM-1", FALL) else 0.001
                before += capital * unit[account]
                nav = capital * unit[account] * (1 + gained)
                total += nav
            unit[account] *= 1 + gained
            high[account] = max(high[account], unit[account])
            rows.append(
                {
                    "session": session,
                    "account": account,
                    "kind": kind,
                    "cash": cents(nav),
                    "receivables": cents(0),
                    "shares_value": cents(0),
                    "short_options_value": cents(0),
                    "nav": cents(nav),
                    "flow": cents(capital if number == 0 else 0),
                    "session_return": gained,
                    "unit_value": unit[account],
                    "high_water_mark": high[account],
                    "drawdown": unit[account] / high[account] - 1,
                }
            )
    return pl.DataFrame(rows, schema=NET_ASSET_VALUE.schema)


def trade(account, symbol, sold, closed, how, credit, debit, *, right="P", strike=320.0, contracts=2):
    ended = how != "open"
    return {
        "session": sold,
        "trade": f"{sold}/{account}/{symbol}/{right}",
        "part": 1,
        "closed": closed if ended else None,
        "account": account,
        "kind": ACCOUNTS[account][0],
        "symbol": symbol,
        "contract": f"{symbol}110121{right}{int(strike * 1000):08d}",
        "right": right,
        "strike": strike,
        "expiry": closed,
        "contracts": contracts,
        "credit": cents(credit),
        "debit": cents(debit) if ended else None,
        "fees": cents(1),
        "gain": cents(credit - debit - 1) if ended else None,
        "settlement_price": None,
        "how_ended": how,
    }


def option_trades() -> pl.DataFrame:
    rows = [
        trade("GEN-1", "AAPL", SESSIONS[0], SESSIONS[4], "expired", 401, 0),
        trade("GEN-1", "GOOG", SESSIONS[5], SESSIONS[9], "assigned", 301, 500, strike=27.5),
        trade("REV-1", "AAPL", SESSIONS[10], SESSIONS[12], "bought_back", 201, 100),
        trade("COM-1", "MSFT", SESSIONS[15], SESSIONS[19], "called_away", 101, 150, right="C"),
        trade("COM-1", "MSFT", LAST, LAST + timedelta(4), "open", 251, 0),
    ]
    return pl.DataFrame(rows, schema=OPTION_TRADES.schema)


def held_shares(account, symbol, quantity, cost, mark):
    return {
        "session": LAST,
        "account": account,
        "instrument": symbol,
        "symbol": symbol,
        "instrument_kind": "share",
        "quantity": quantity,
        "cost": cents(cost),
        "mark": mark,
        "mark_basis": "close",
        "market_value": cents(quantity * mark),
    }


def positions() -> pl.DataFrame:
    rows = [
        {
            "session": LAST,
            "account": "COM-1",
            "instrument": "MSFT110301P00027500",
            "symbol": "MSFT",
            "instrument_kind": "option",
            "right": "P",
            "expiry": LAST + timedelta(4),
            "strike": 27.5,
            "quantity": -2,
            "cost": cents(-251),
            "mark": 1.0,
            "mark_basis": "quote",
            "market_value": cents(-200),
        },
        held_shares("COM-1", "MSFT", 100, 2500, 26.0),
        held_shares("GEN-1", "GOOG", 200, 5500, 25.0),
    ]
    return POSITIONS.conform(pl.DataFrame(rows, infer_schema_length=None))


def week_types() -> pl.DataFrame:
    rows = []
    ends = [day for day in SESSIONS if day.weekday() == 4]
    for end in ends:
        for account, symbol in [("GEN-1", "AAPL"), ("GEN-1", "GOOG"), ("REV-1", "AAPL"), ("COM-1", "MSFT")]:
            kind = "P-AWL" if (end, symbol) == (ends[1], "GOOG") else "P-EW" if symbol == "AAPL" else "W-IDL"
            rows.append(
                {
                    "session": end,
                    "week": end - timedelta(4),
                    "account": account,
                    "kind": ACCOUNTS[account][0],
                    "symbol": symbol,
                    "week_type": kind,
                    "legs": [kind],
                    "facts": "{}",
                }
            )
    return pl.DataFrame(rows, schema=WEEK_TYPES.schema)


def book_terms(model_priced: bool = True) -> pl.DataFrame:
    row = {
        "session": FIRST,
        "profile": "sample",
        "lump_sum": cents(1_000_000),
        "market": "sample" if model_priced else "files",
        "model_priced": model_priced,
        "rules_not_active": ["rolls", "taxes"],
        "config_fingerprint": "00" * 32,
    }
    return pl.DataFrame([row], schema=BOOK_TERMS.schema)


def write_book(home: Path, book: str = "sample", terms: pl.DataFrame | None = None) -> Lake:
    """The book in the lake of the installation at ``home``."""
    lake = Lake(Installation(home).lake)
    for table, frame in (
        (BOOK_TERMS, book_terms() if terms is None else terms),
        (NET_ASSET_VALUE, net_asset_value()),
        (POSITIONS, positions()),
        (OPTION_TRADES, option_trades()),
        (WEEK_TYPES, week_types()),
    ):
        lake.write(table, f"book={book}", frame)
    return lake
