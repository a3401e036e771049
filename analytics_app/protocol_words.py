"""The protocol's names in plain words, as the pages show them. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import polars as pl

from alluse_assets.base.calendar import NEW_YORK
from alluse_assets.base.errors import AlluseError
from alluse_assets.base.instruments import is_option, parse_occ_symbol
from alluse_assets.protection.levels import ACTION_WORDS, LEVEL_NAMES
from alluse_assets.strategies.candidates import REFUSAL_TEXT

ACTION_TEXT: Mapping[str, str] = {
    "alert_medium": "alert, MEDIUM",
    "alert_high": "alert, HIGH",
    "alert_critical": "alert, CRITICAL",
    **ACTION_WORDS,
}

TRIGGER_TEXT: Mapping[str, str] = {
    "iv_rise": "implied volatility rose",
    "delta": "delta over its limit",
    "trailing_stop": "trailing stop",
}

ROLL_TEXT: Mapping[str, str] = {
    **{reason.value: text for reason, text in REFUSAL_TEXT.items()},
    "order": "ordered",
    "none_passed": "no contract passed the screen",
    "no_lower_strike": "no strike at or under its own is listed: a put is never rolled up",
    "no_shares": "the account has no shares of it, hence no basis",
    "below_adjusted_basis": "every strike is under the shares' adjusted basis",
    "too_dear": "the debit is over the limit: held to assignment",
    "debit_in_safe": "it would cost a debit, and in SAFE a roll must bring a credit",
    "trading_ended": "the option had stopped trading",
    "nothing_offered": "nobody offers it: it cannot be bought back",
    "account_close_only": "the account is CLOSE_ONLY: only closes",
    "account_merging": "the account is MERGING: only closes",
    "account_halted": "the account is HALTED: nothing is sent",
    "not_asked_again": "a person was asked in this session, and did not say yes",
    "account_merged": "the account is MERGED",
    "account_closed": "the account is CLOSED",
}

ROLL_STATE_TEXT: Mapping[str, str] = {
    "ROLLED": "rolled",
    "ROLLING": "under way",
    "CLOSED_ONLY": "bought back, and not sold again",
    "UNCHANGED": "not made",
}

CAUSE_TEXT: Mapping[str, str] = {"level": "level of rolls reached", "dividend_risk": "dividend risk"}

STOP_TEXT: Mapping[str, str] = {
    "cool_off": "cool-off after level 3",
    "deep_drawdown": "deep drawdown: no new puts",
    "drawdown_pivot": "drawdown pivot: calls only",
    "vix_breaker": "circuit breaker on the VIX",
}

TIER_TEXT = ("none", "half of deployable", "SAFE", "CLOSE_ONLY")

LIFT_TEXT: Mapping[str, str] = {"rule": "its rule", "person": "a person with `alluse resume`"}


def words(names: Iterable[str], text: Mapping[str, str]) -> str:
    """Names in words, in their order; one without words as it is called."""
    return ", ".join(text.get(name, name.replace("_", " ")) for name in names)


def level_text(level: int) -> str:
    """``2 recovery``."""
    return f"{level} {LEVEL_NAMES[level]}"


def contract_text(instrument: str) -> str:
    """``AAPL 345 put, 2011-01-14``; a share as its ticker, a symbol of no known form as it is."""
    if not is_option(instrument):
        return instrument
    try:
        contract = parse_occ_symbol(instrument)
    except AlluseError:
        return instrument
    side = "put" if contract.right == "P" else "call"
    return f"{contract.root} {contract.strike.normalize():f} {side}, {contract.expiry}"


def order_text(order: Mapping[str, Any]) -> str:
    """One order of an action script in a line."""
    action = str(order["action"]).replace("_", " ").lower()
    count = "" if order["quantity"] is None else f"{order['quantity']} × "
    asked = f"{action} {count}{contract_text(order['instrument'])}"
    if "why_not" in order:
        return f"{asked}: no target, {words([order['why_not']], ROLL_TEXT)}"
    limit = order["limit_price"]
    return f"{asked} at {limit} USD" if limit is not None else f"{asked} at a price still to be quoted"


def script_text(script: str) -> str:
    """An action script, which is JSON, in a line; empty where there is none."""
    return ", then ".join(order_text(order) for order in script_orders(script))


def script_orders(script: str) -> Sequence[Mapping[str, Any]]:
    """The orders of an action script."""
    orders: list[Mapping[str, Any]] = json.loads(script)
    return orders


def clock_text(moment: datetime | None) -> str:
    """An instant in New York, to the minute; empty for none."""
    return "" if moment is None else f"{moment.astimezone(NEW_YORK):%Y-%m-%d %H:%M}"


def new_york(column: str) -> pl.Expr:
    """Instants on New York's clock, without a zone: a table would turn them into the reader's own."""
    return pl.col(column).dt.convert_time_zone(str(NEW_YORK)).dt.replace_time_zone(None)


def on_new_york_clock(moment: datetime | None) -> datetime | None:
    """The same for one instant."""
    return None if moment is None else moment.astimezone(NEW_YORK).replace(tzinfo=None)


def as_it_stands(text: str) -> str:
    """A text of the journal, so that Markdown shows it as it stands: nobody's words are markup here."""
    return re.sub(r"([\\`*_{}\[\]<>#$~|:])", r"\\\1", text)


def name_of(actor: str | None) -> str:
    """Who did something: a person by name, a rule as ``rule protection``."""
    if not actor:
        return ""
    return actor.removeprefix("person:").replace(":", " ", 1).replace("_", " ")
