"""What protection says to a new entry: refused and why, or how much smaller (protocol, section 4)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from alluse_assets.accounts.states import allows_entries, status_of
from alluse_assets.base.config.model_fields import Kind
from alluse_assets.base.config.model_protocol import ProtocolConfig
from alluse_assets.protection.circuit_breakers import Tier
from alluse_assets.protection.levels import actions_at
from alluse_assets.protection.state import ProtectionState


@dataclass(frozen=True, slots=True)
class EntryLimit:
    """``refused``: why nothing may be opened, or None. ``size_share``: of the normal size."""

    refused: str | None = None
    size_share: Decimal = Decimal(1)


def entry_limit(
    state: ProtectionState, account: str, kind: Kind, symbol: str, right: str, config: ProtocolConfig
) -> EntryLimit:
    """What holds for opening ``right`` (P, C) on ``symbol`` in an account.

    The first that applies refuses: the account's state, the symbol's level, a deep drawdown of the
    symbol, the account's drawdown pivot. Sizes multiply.
    """
    status = status_of(state, account)
    if not allows_entries(status):
        return EntryLimit(f"account_{status.value.lower()}")
    actions = symbol_actions(state, account, kind, symbol, config)
    if "refuse_new_entries" in actions or ("refuse_new_puts" in actions and right == "P"):
        return EntryLimit(f"symbol_level_{state.level_of(account, symbol)}")
    share = Decimal(1)
    if "halve_new_entries" in actions:
        share *= Decimal(str(config.protection.new_entry_size_share))
    if right == "P":
        if symbol in state.deep and config.drawdown.deep_enabled:
            return EntryLimit("deep_drawdown")
        pivot = state.pivots.get(account) if config.drawdown.pivot_enabled else None
        if pivot is not None and not pivot.resumed:
            return EntryLimit("drawdown_pivot")
        if pivot is not None:
            share *= Decimal(str(config.drawdown.resume_put_size_share))
    return EntryLimit(None, share)


def symbol_actions(
    state: ProtectionState, account: str, kind: Kind, symbol: str, config: ProtocolConfig
) -> frozenset[str]:
    """The actions of the action table that hold for a symbol in an account, over all its chains."""
    rules = config.protection
    found: set[str] = set()
    if not rules.enabled:
        return frozenset()
    for chain in state.chains_that_count(account):
        if chain.symbol == symbol:
            found.update(actions_at(rules, kind, chain.right, chain.level))
    for cooling in state.cooling(account, symbol):
        found.update(actions_at(rules, kind, cooling.right, cooling.level))
    return frozenset(found)


def buffer_multiple(state: ProtectionState, config: ProtocolConfig) -> Decimal:
    """What the cash buffer is multiplied by: more than 1 while a symbol is in a deep drawdown."""
    rules = config.drawdown
    return Decimal(str(rules.deep_buffer_multiple)) if state.deep and rules.deep_enabled else Decimal(1)


def deployable_share(state: ProtectionState, config: ProtocolConfig) -> Decimal:
    """The share of deployable that entries may use: less while the volatility index is high."""
    if state.vix_tier < Tier.HALF or not config.circuit_breakers.enabled:
        return Decimal(1)
    return Decimal(str(config.circuit_breakers.half_deployable_share))
