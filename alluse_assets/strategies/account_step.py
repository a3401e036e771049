"""One account at one step of a session: what every rule of it decides on. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import polars as pl

from alluse_assets.accounts.deployable import deployable
from alluse_assets.base.config.model_accounts import AccountRules
from alluse_assets.base.config.model_fields import Kind
from alluse_assets.base.config.model_protocol import ProtocolConfig
from alluse_assets.base.instruments import parse_occ_symbol, root_of
from alluse_assets.base.money import to_cents
from alluse_assets.execution.approvals import asks, order_approval
from alluse_assets.execution.lifecycle import OrderState
from alluse_assets.ledger.account_state import AccountState, ShortOption
from alluse_assets.ledger.book_state import BookState
from alluse_assets.protection.entry_limits import (
    EntryLimit,
    buffer_multiple,
    deployable_share,
    entry_limit,
)
from alluse_assets.protection.state import Chain
from alluse_assets.strategies.candidates import Candidate, Screened
from alluse_assets.strategies.market import SessionMarket


def entry_purpose(right: str) -> str:
    """The purpose of an order that opens a put (P) or a call (C)."""
    return "open_put" if right == "P" else "open_call"


@dataclass(frozen=True, slots=True)
class AccountStep:
    """One account at one step: who decides, on what, under which rules."""

    account: AccountState
    state: BookState
    market: SessionMarket
    config: ProtocolConfig
    nav: Decimal

    @property
    def kind(self) -> Kind:
        """The account's kind."""
        return self.account.kind  # type: ignore[return-value]

    @property
    def rules(self) -> AccountRules:
        """The rules of the account's kind."""
        return self.config.accounts.of(self.kind)

    @property
    def deployable(self) -> Decimal:
        """Cash that may be committed now; less while a circuit breaker or a deep drawdown says so."""
        protection = self.state.protection
        free = deployable(
            self.account,
            self.nav,
            self.rules.buffer_share * float(buffer_multiple(protection, self.config)),
            self.config.multiplier,
            self.state.orders.values(),
        )
        return to_cents(free * deployable_share(protection, self.config))

    @property
    def shorts(self) -> list[tuple[str, ShortOption]]:
        """Open short options that can be decided on, by contract: this look quotes their underlying.

        What has expired, and nobody has said how, is in the book still; nothing can be done about it.
        """
        away, today = self.market.not_looked_at, self.market.session
        return sorted(
            (contract, short)
            for contract, short in self.account.shorts.items()
            if short.underlying not in away and short.contract.expiry >= today
        )

    @property
    def chains(self) -> list[Chain]:
        """The account's chains of rolls whose option has not expired, by id."""
        today = self.market.session
        there = {one.chain_id for one in self.account.shorts.values() if one.contract.expiry >= today}
        return [chain for chain in self.state.protection.chains_of(self.account.name) if chain.id in there]

    def chain_of(self, short: ShortOption) -> Chain | None:
        """The chain of rolls that an open option belongs to."""
        return self.state.protection.chains.get(short.chain_id)

    def sensitivities(self, chain: Chain) -> tuple[Decimal | None, Decimal | None]:
        """Highest implied volatility (per year) and absolute delta (points) of a chain's contracts now."""
        triggers = self.config.protection.triggers
        if not (triggers.iv_rise_enabled or triggers.delta_enabled):
            return None, None
        contracts = [c for c, short in self.account.shorts.items() if short.chain_id == chain.id]
        quotes = [self.market.quotes[c] for c in contracts if c in self.market.quotes]
        iv = max((quote.iv for quote in quotes if quote.iv is not None), default=None)
        rows = self.market.chain.filter(pl.col("contract_symbol").is_in(contracts))["delta"].drop_nulls()
        delta = max((Decimal(f"{abs(value) * 100:.6f}") for value in rows), default=None)
        return iv, delta

    def limit(self, symbol: str, right: str) -> EntryLimit:
        """What protection says to a new entry."""
        return entry_limit(self.state.protection, self.account.name, self.kind, symbol, right, self.config)

    def screened(self, right: str, symbol: str) -> Screened | None:
        """What the market screen says of a ticker; None outside the leg's entry sessions."""
        return self.market.screened.get((self.account.kind, right, symbol))

    def asked_under_floor(self, screened: Screened, symbol: str, right: str) -> tuple[Candidate, ...]:
        """What a person may be asked about: only the floor is in the way, and nothing else passed.

        Once a session for a ticker and side: whoever said no, or nothing, is not asked again in minutes.
        """
        if screened.passed or not asks("under_floor", self.config.approvals):
            return ()
        if self._entries_of_session(symbol, right):
            return ()
        return tuple(c for c in screened.floor_only if c.contract not in self.account.options)

    def has_waiting_entry(self, symbol: str) -> bool:
        """Whether an entry in the ticker waits, for a person or at the broker: it may still fill."""
        return any(
            order.account == self.account.name
            and order.created is not None
            and order.created.payload["symbol"] == symbol
            and str(order.created.payload["purpose"]).startswith("open_")
            for order in self.state.orders.values()
        )

    def was_refused(self, symbol: str, right: str) -> bool:
        """Whether every order asks, and this session a person said no to the ticker and side, or nothing.

        Where the book only advises: whether the session has told of them.
        """
        mode = self.config.approvals.mode
        if mode != "approve":
            return mode == "advise" and bool(self._entries_of_session(symbol, right))
        for intent in self._entries_of_session(symbol, right):
            asked = self.state.approvals.get(order_approval(intent))
            if self.state.intents_of_session[intent] == OrderState.EXPIRED or (
                asked and asked.answer == "no"
            ):
                return True
        return False

    def _entries_of_session(self, symbol: str, right: str) -> list[str]:
        """Intents of the session to open one side of a ticker, whatever became of them."""
        index = self.config.market.index_options.get(symbol)
        roots = {root_of(symbol), *(index.pm_roots if index else ()), *(index.am_roots if index else ())}
        begin = f"{self.market.session}/{self.account.name}/{entry_purpose(right)}/"
        return [
            intent
            for intent in self.state.intents_of_session
            if intent.startswith(begin) and parse_occ_symbol(intent.removeprefix(begin)).root in roots
        ]

    def has_entered(self, symbol: str) -> bool:
        """Whether the week's entry in the ticker is used up."""
        return (
            self.state.entries_of_week.count((self.account.name, symbol))
            >= self.config.entry.max_entries_per_week
        )
