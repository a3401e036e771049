"""What of a configuration a running book can change, and what it cannot, each with its reason."""

from __future__ import annotations

from collections.abc import Mapping

from alluse_assets.base.config.canonical_form import Change, diff
from alluse_assets.base.config.model_protocol import ProtocolConfig
from alluse_assets.base.errors import ConfigError
from alluse_assets.ledger.book_state import BookState

FIXED: Mapping[str, str] = {
    "book": "it is what the book was opened with, and its accounts hold it already",
    "market.source": "positions would be valued at the prices of another market",
    "market.index_options": "it says how open options are exercised and settled",
    "multiplier": "collateral and shares of open options are counted by it",
}
"""Settings and sections that stay as long as a book lives, and why. Another book can have others."""


NO_PART_OF_A_BOOK = ("notify", "alerts.lowest_sent")
"""How people are told: read from profile and environment at each sending, never from a book's versions."""


def possible_changes(state: BookState, before: ProtocolConfig, after: ProtocolConfig) -> tuple[Change, ...]:
    """What differs, when a running book can take it.

    Raises:
        ConfigError: it cannot.
    """
    changes = tuple(diff(before, after))
    faults = [
        f"{change.path}: cannot change in a running book: {reason}; open another book with it"
        for change in changes
        for fixed, reason in FIXED.items()
        if f"{change.path}.".startswith(f"{fixed}.")
    ]
    faults += [
        f"{change.path}: is no part of a book, so no version of one can change it: how people are told is "
        "read from the profile and the environment at each sending; set it in the profile that the notifier "
        "runs with (alluse notify --profile)"
        for change in changes
        for outside in NO_PART_OF_A_BOOK
        if f"{change.path}.".startswith(f"{outside}.")
    ]
    dropped = set(before.underlyings) - set(after.underlyings)
    for name, account in sorted(state.accounts.items()):
        tickers = set(account.shares) | {short.underlying for short in account.shorts.values()}
        hedges = {long.underlying for long in account.longs.values()} - tickers
        faults += [
            f"accounts.{account.kind}.tickers: {symbol} is held by {name}, and quotes are collected for "
            "tickers only; close it first"
            for symbol in sorted(tickers & dropped)
        ]
        faults += [
            f"protection.actions: {name} holds a hedge on {symbol}, whose quotes are collected while an "
            "action names hedge; it is sold when nothing is at that level, or with protection.enabled: false"
            for symbol in sorted(hedges & dropped)
        ]
    if faults:
        raise ConfigError("\n  ".join(faults))
    return changes
