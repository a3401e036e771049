"""Chains of rolls and their levels, followed by hand: from fills, endings, splits and raw prices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from alluse_assets.base.events import Event
from tests.made_market import MadeMarket
from tests.properties.raw import known_price, parse

ENDED = ("option.expired", "option.assigned")


@dataclass
class Chain:
    account: str
    symbol: str
    right: str
    anchor: Decimal
    atr: Decimal
    level: int = 0
    said: int = 0
    """By the journal."""
    rolled: bool = False
    contracts: Counter[str] = field(default_factory=Counter)


def chain_sessions(
    events: list[Event], market: MadeMarket
) -> Iterator[tuple[date, dict[str, Chain], list[Event]]]:
    """Session after session the chains that were open at its quotes' time, with levels by hand."""
    chains: dict[str, Chain] = {}
    for session, todays in by_session(events):
        for event in todays:
            if event.type == "split.applied":
                _split(chains, event.payload)
        # What expired while its share was halted waits for a close that says how: there is no level to read.
        alive = {
            name: chain
            for name, chain in chains.items()
            if any(parse(contract).expiry >= session for contract in +chain.contracts)
        }
        for price in (known_price(market, "open", session), known_price(market, "quotes", session)):
            for chain in alive.values():
                if chain.symbol in price:
                    chain.level = _level(chain, price[chain.symbol])
        for event in todays:
            if event.type == "protection.level_changed" and event.payload["chain"] in chains:
                chain = chains[event.payload["chain"]]
                chain.said = event.payload["level_to"]
                chain.rolled &= event.payload["level_to"] > event.payload["level_from"]
        yield session, alive, todays
        for event in todays:
            follow(chains, event)


def _level(chain: Chain, price: Decimal) -> int:
    move, level = chain.anchor - price, 0
    for number in (1, 2, 3):
        kept = chain.level >= number and move > (number - Decimal("0.25")) * chain.atr
        if move >= number * chain.atr or kept:
            level = number
    return level


def _split(chains: dict[str, Chain], p) -> None:
    for chain in chains.values():
        if (chain.account, chain.symbol) == (p["account"], p["symbol"]):
            chain.anchor, chain.atr = chain.anchor / p["ratio"], chain.atr / p["ratio"]
            chain.contracts = Counter(
                {p["contracts"][name]: n * p["ratio"] for name, n in (+chain.contracts).items()}
            )


def follow(chains: dict[str, Chain], event: Event) -> None:
    """Takes a fill or an ending into the chain that it belongs to."""
    p = event.payload
    if event.type == "order.filled" and p["chain"]:
        begun, sold = p["chain"], p["action"] == "SELL_TO_OPEN"
        if begun["id"] not in chains:
            account = begun["id"].split("/")[1]
            anchors = Decimal(begun["anchor_price"]), Decimal(begun["anchor_atr"])
            chains[begun["id"]] = Chain(account, p["symbol"], begun["right"], *anchors)
        chain = chains[begun["id"]]
        chain.contracts[p["instrument"]] += p["quantity"] if sold else -p["quantity"]
        chain.rolled |= p["purpose"] == "roll_open"
    elif event.type in ENDED and p["chain"] in chains:
        chains[p["chain"]].contracts[p["contract"]] -= p["contracts"]


def left_of(chain: Chain, todays: list[Event], only: str = "") -> Counter[str]:
    """Contracts of a chain after what happened today, or after events of one type."""
    left = Counter(chain.contracts)
    for event in todays:
        p = event.payload
        if only and event.type != only:
            continue
        if event.type == "order.filled" and p["chain"] and p["instrument"] in left:
            if p["intent"].split("/")[1] == chain.account and p["action"] == "BUY_TO_CLOSE":
                left[p["instrument"]] -= p["quantity"]
        elif event.type in ENDED and p["account"] == chain.account:
            left[p["contract"]] -= p["contracts"]
    return left


def by_session(events: list[Event]) -> Iterator[tuple[date, list[Event]]]:
    todays: list[Event] = []
    for event in events:
        todays.append(event)
        if event.type == "session.closed":
            yield date.fromisoformat(event.payload["session"]), todays
            todays = []
