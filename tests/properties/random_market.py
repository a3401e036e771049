"""Random markets of three shares over six weeks, each a pure function of its seed and its ingredients."""

from __future__ import annotations

import random
from collections.abc import Collection
from datetime import date

from alluse_assets.base.config.config_manager import with_values
from alluse_assets.base.config.model_protocol import ProtocolConfig
from tests.made_market import CALENDAR, MadeMarket, PersonHold, ShareDay, make_market

INGREDIENTS = (
    "crash",
    "gap",
    "halt",
    "no_bids",
    "no_quotes",
    "split",
    "dividends",
    "vix_high",
    "vix_missing",
    "high_volatility",
    "early_quotes",
    "person",
    "legged",
    "recovery",
    "volume",
    "hedge",
)
SYMBOLS = ("AAA", "BBB", "CCC")
ACCOUNTS = ("GEN-1", "REV-1", "COM-1")
SESSIONS = 28
_WARM_UP = 45
_STARTS = (date(2011, 1, 3), date(2011, 3, 14), date(2011, 5, 23), date(2011, 8, 29), date(2011, 11, 14))


def random_config(draw: random.Random, ingredients: Collection[str]) -> ProtocolConfig:
    """All kinds trade two or three of the shares, with floors that calm markets pay."""
    values: dict[str, object] = {
        "accounts.gen.tickers": ["AAA", "BBB"],
        "accounts.rev.tickers": ["AAA", "CCC"],
        "accounts.com.tickers": list(SYMBOLS),
        "accounts.com.first_share_purchase": draw.random() < 0.7,
        "market.source": "files",
        "market.flat_rate_annual": 0.01,
        "market.warm_up_sessions": _WARM_UP,
        "entry.earnings_unknown": "allow",
        "book.lump_sum_usd": draw.choice([200_000, 1_000_000, 4_000_000]),
        "paper.combined_rolls": "legged" not in ingredients,
        "rolls.dividend_risk": draw.choice(["close", "roll", "off"]),
        "rolls.max_debit_share_of_credit": draw.choice([0.0, 0.5, 1.0]),
        "week_end.near_strike": draw.choice(["close", "keep"]),
        "approvals.replay_answer": draw.choice(["yes", "no"]),
        "drawdown.resume_needs_approval": draw.random() < 0.5,
    }
    for kind in ("gen", "rev", "com"):
        values |= {
            f"accounts.{kind}.puts.min_premium_yield": 0.002,
            f"accounts.{kind}.calls.min_premium_yield": 0.001,
            f"accounts.{kind}.recovery_calls.enabled": "recovery" in ingredients,
        }
    if "hedge" in ingredients:
        values |= {
            "market.index_options": {"SPY": {"pm_roots": ["SPY"]}},
            "protection.hedge": {"underlying": "SPY", "share_of_nav": 0.02, "dte_low": draw.choice([5, 12])},
            "protection.actions.rev.puts.level_2": ["alert_high", "hedge", "roll", "refuse_new_entries"],
            "protection.actions.com.calls.level_1": ["hedge"],
        }
    return with_values(ProtocolConfig(), values)


def random_market(seed: int, ingredients: Collection[str]) -> MadeMarket:
    """The market of ``seed``: calm shares, and what the ingredients do to them."""
    draw = random.Random(f"{seed}/{','.join(sorted(ingredients))}")
    config = random_config(draw, ingredients)
    first = draw.choice(_STARTS)
    warm = CALENDAR.sessions(CALENDAR.previous_session(first, _WARM_UP), CALENDAR.previous_session(first))
    last = CALENDAR.next_session(first, SESSIONS - 1)
    sessions = CALENDAR.sessions(first, last)
    crash_at, gap_at = draw.randrange(3, 18), draw.randrange(2, SESSIONS)
    length, depth = draw.randrange(1, 10), draw.uniform(0.15, 0.55)
    paths = {}
    for symbol in SYMBOLS:
        volatility = draw.uniform(0.5, 1.4) if "high_volatility" in ingredients else draw.uniform(0.15, 0.4)
        split_at = draw.randrange(1, SESSIONS) if "split" in ingredients and draw.random() < 0.7 else -1
        ratio = draw.choice([2, 3])
        paid_on = {draw.randrange(SESSIONS) for _ in range(6)} if "dividends" in ingredients else set()
        halts = "halt" in ingredients and draw.random() < 0.5
        halted_at = draw.randrange(SESSIONS) if halts else 0
        halted = set(range(halted_at, halted_at + draw.randrange(1, 5))) if halts else set()
        # The bar alone may be missing, too.
        quoted_when_halted = draw.random() < 0.3
        close, path = draw.uniform(20, 260), {}
        for place, session in enumerate([*warm, *sessions], start=-len(warm)):
            daily, drift = volatility / 16, 0.0
            if "crash" in ingredients and crash_at <= place < crash_at + length:
                drift, daily = -depth / length, daily * 1.5
            gap = draw.uniform(-0.3, 0.5) if "gap" in ingredients and place == gap_at else 0.0
            split = ratio if place == split_at else 1
            began = close / split * (1 + gap + draw.gauss(0, daily / 4))
            ended = max(0.5, began * (1 + drift + draw.gauss(0, daily)))
            began, ended = round(max(0.5, began), 2), round(ended, 2)
            missing = "no_quotes" in ingredients and draw.random() < 0.15
            path[session] = ShareDay(
                open=began,
                high=round(max(began, ended) * (1 + abs(draw.gauss(0, daily / 3))), 2),
                low=round(max(0.01, min(began, ended) * (1 - abs(draw.gauss(0, daily / 3)))), 2),
                close=ended,
                volatility=volatility * (1.8 if drift else 1.0),
                split=split,
                dividend=round(ended * draw.uniform(0.001, 0.02), 2) if place in paid_on else 0.0,
                has_bar=place not in halted,
                is_quoted=not missing and (place not in halted or quoted_when_halted),
                has_bids=not ("no_bids" in ingredients and draw.random() < 0.2),
            )
            close = ended
        paths[symbol] = path
    paths["SPY"] = {day: paths["AAA"][day] for day in paths["AAA"]}
    paths["SPY"] = {
        day: ShareDay(1, 1, 1, 1, 0.2) if not one.has_bar else one for day, one in paths["SPY"].items()
    }
    vix = _vix(draw, [*warm, *sessions], len(warm), ingredients)
    holds = _holds(draw, sessions) if "person" in ingredients else ()
    volume = draw.choice([120, 600, 4000]) if "volume" in ingredients else 0
    early = draw.choice([5, 60, 330]) if "early_quotes" in ingredients else 0
    return make_market(paths, vix, first, last, config, early, 3, holds, volume)


def _vix(draw: random.Random, days: list[date], warm: int, ingredients: Collection[str]) -> dict[date, float]:
    peak, at = draw.uniform(45, 95), draw.randrange(warm, len(days))
    points = {}
    for place, day in enumerate(days):
        level = draw.uniform(14, 30)
        if "vix_high" in ingredients:
            level = max(level, peak - 6 * abs(place - at))
        if not ("vix_missing" in ingredients and place >= warm and draw.random() < 0.35):
            points[day] = round(level, 2)
    return points


def _holds(draw: random.Random, sessions: list[date]) -> list[PersonHold]:
    found = []
    for account in ACCOUNTS:
        if draw.random() < 0.7:
            begins = draw.randrange(2, len(sessions) - 2)
            ends = begins + draw.randrange(1, 12)
            found.append(
                PersonHold(
                    account,
                    draw.choice(["paused", "halted", "close_only"]),
                    sessions[begins],
                    sessions[ends] if ends < len(sessions) else None,
                )
            )
    return found
