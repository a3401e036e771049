"""Projects a book's journal into the tables of protection: levels and states at closes, rolls. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl

from alluse_assets.accounts.states import status_of
from alluse_assets.base.events import Event
from alluse_assets.journal.event_types import EventType
from alluse_assets.ledger.project import BookAtClose
from alluse_assets.protection.levels import adverse_multiple
from alluse_assets.protection.tables import ACCOUNT_STATES, CHAIN_CONTRACTS, PROTECTION_LEVELS, ROLLS


def project_protection_levels(closes: Iterable[BookAtClose]) -> pl.DataFrame:
    """The rows of ``PROTECTION_LEVELS``."""
    rows = [
        (
            close.session,
            chain.account,
            chain.id,
            chain.symbol,
            chain.right,
            chain.contracts,
            chain.level,
            float(adverse_multiple(chain, close.closes[chain.symbol])),
            float(close.closes[chain.symbol]),
            float(chain.anchor_price),
            float(chain.anchor_atr),
            chain.credit,
            bool(chain.rolled_into),
        )
        for close in closes
        for chain in close.state.protection.chains.values()
        if chain.contracts and chain.symbol in close.closes
    ]
    frame = pl.DataFrame(rows, schema=PROTECTION_LEVELS.schema, orient="row")
    return frame.sort(PROTECTION_LEVELS.key)


def project_chain_contracts(closes: Iterable[BookAtClose]) -> pl.DataFrame:
    """The rows of ``CHAIN_CONTRACTS``."""
    rows = [
        (close.session, account.name, contract, short.chain_id, short.contracts)
        for close in closes
        for account in close.state.accounts.values()
        for contract, short in account.shorts.items()
    ]
    return pl.DataFrame(rows, schema=CHAIN_CONTRACTS.schema, orient="row").sort(CHAIN_CONTRACTS.key)


def project_account_states(closes: Iterable[BookAtClose]) -> pl.DataFrame:
    """The rows of ``ACCOUNT_STATES``."""
    rows = []
    for close in closes:
        protection = close.state.protection
        for name in sorted(close.state.accounts):
            pivot = protection.pivots.get(name)
            rows.append(
                (
                    close.session,
                    name,
                    status_of(protection, name).value,
                    sorted(protection.holds.get(name, {})),
                    protection.vix_tier,
                    pivot is not None,
                    pivot is not None and pivot.resumed,
                    sorted(protection.deep),
                    sorted({one.symbol for one in protection.cool_offs.values() if one.account == name}),
                )
            )
    return pl.DataFrame(rows, schema=ACCOUNT_STATES.schema, orient="row")


def project_rolls(events: Iterable[Event]) -> pl.DataFrame:
    """The rows of ``ROLLS``."""
    rows: dict[str, dict[str, Any]] = {}
    for event in events:
        p: Any = event.payload
        if event.type == EventType.ROLL_DECIDED:
            rows[event.key] = {
                **{name: p[name] for name in ("account", "contract", "chain", "symbol", "right", "cause")},
                "session": date.fromisoformat(p["session"]),
                "decided_at": event.effective_at,
                "outcome": p["outcome"],
                "state": p["state"],
                "why": None,
                "contracts": p["contracts"],
                "to": p["to"],
                "net": _number(p["net"]),
                "cost_to_close": _number(p["cost_to_close"]),
                "chain_credit": Decimal(p["chain_credit"]),
                "refused": ", ".join(f"{reason} {count}" for reason, count in sorted(p["refused"].items())),
            }
        elif event.type == EventType.ROLL_ENDED:
            rows[p["roll"]] |= {"state": p["state"], "why": p.get("why")}
    return pl.DataFrame(list(rows.values()), schema=ROLLS.schema, orient="row").sort(ROLLS.key)


def _number(text: str | None) -> float | None:
    return None if text is None else float(text)
