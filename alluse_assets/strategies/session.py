"""The routine of one session, the same for replay, paper and live (protocol, section 3).

Week guess, settlements and dividends at the open; at the quotes' time profits are taken, the first
shares bought, calls and puts opened; after the close what expires is booked, the week confirmed, and
the session closed with every mark and balance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Literal

from alluse_assets.accounts.deployable import valuation
from alluse_assets.base.calendar import TradingCalendar, new_york_instant
from alluse_assets.base.config.model_protocol import ProtocolConfig
from alluse_assets.base.errors import LedgerError, MissingDataError
from alluse_assets.base.events import Event, Json
from alluse_assets.base.money import extended, text
from alluse_assets.execution.approvals import Asking
from alluse_assets.execution.broker import Broker
from alluse_assets.execution.engine import OrderEngine, Recorder
from alluse_assets.execution.expiries import outcome_event
from alluse_assets.execution.gate import GateContext
from alluse_assets.execution.order import OrderIntent
from alluse_assets.journal.event_types import EventType
from alluse_assets.ledger.book_state import BookState
from alluse_assets.ledger.postings import dividend_accrued, receivable_settled
from alluse_assets.option_chains.marks import Mark, mark, on_surface
from alluse_assets.strategies.com_acc import decide_first_purchase
from alluse_assets.strategies.entries import AccountStep, decide_calls, decide_puts
from alluse_assets.strategies.exits import decide_take_profits
from alluse_assets.strategies.market import SessionMarket


@dataclass(slots=True)
class SessionRoutine:
    """One session of one book. ``run`` records everything that happens in it."""

    recorder: Recorder
    broker: Broker
    market: SessionMarket
    config: ProtocolConfig
    calendar: TradingCalendar
    policy: Literal["yes", "no"] | None = None
    """What is answered at once where a person is asked; None: a person answers."""

    def run(self) -> None:
        """Walk the session's steps in order.

        Raises:
            MissingDataError: a position has no price.
            LedgerError: held shares split, which the ledger cannot book yet.
        """
        self._refuse_splits()
        self._begin_week()
        self._settle_receivables()
        self._accrue_dividends()
        placed = self._trade()
        self._engine({}).end_session(placed, max(self.market.now, self.market.closes_at))
        self._book_expiries()
        self._end_week()
        self._close()

    @property
    def _state(self) -> BookState:
        return self.recorder.state

    def _refuse_splits(self) -> None:
        for account in self._state.accounts.values():
            held = set(account.shares) | {short.underlying for short in account.shorts.values()}
            split = sorted(held & self.market.splits)
            if split:
                raise LedgerError(
                    f"{split[0]} splits on {self.market.session} while {account.name} holds it; splits are "
                    "not booked yet: end the replay before that session or leave the ticker out"
                )

    def _begin_week(self) -> None:
        if self.market.guess is not None:
            reading = self.market.guess
            self.recorder.record(
                Event(
                    EventType.MARKET_MODE_GUESSED,
                    self.market.opens_at,
                    "rule:market_mode",
                    f"market_mode/{reading.week}/guess",
                    reading.payload(),
                )
            )

    def _settle_receivables(self) -> None:
        for name, account in sorted(self._state.accounts.items()):
            for owed in account.receivables:
                if owed.due <= self.market.session:
                    self.recorder.record(
                        Event(
                            EventType.CASH_SETTLED,
                            self.market.opens_at,
                            self.broker.authority,
                            f"settled/{owed.key}",
                            {"account": name, "amount": text(owed.amount), "receivable": owed.key},
                            receivable_settled(name, owed.amount),
                            cause=owed.key,
                        )
                    )

    def _accrue_dividends(self) -> None:
        for name, account in sorted(self._state.accounts.items()):
            for symbol, per_share in sorted(self.market.dividends.items()):
                shares = account.shares_held(symbol)
                if not shares:
                    continue
                amount = extended(per_share, shares)
                due = self.calendar.next_session(self.market.session, self.config.paper.dividend_pay_sessions)
                payload: dict[str, Json] = {
                    "account": name,
                    "symbol": symbol,
                    "shares": shares,
                    "per_share": text(per_share),
                    "amount": text(amount),
                    "settles_on": due.isoformat(),
                }
                self.recorder.record(
                    Event(
                        EventType.DIVIDEND_ACCRUED,
                        self.market.opens_at,
                        self.broker.authority,
                        f"dividend/{self.market.session}/{name}/{symbol}",
                        payload,
                        dividend_accrued(name, amount),
                    )
                )

    def _trade(self) -> list[OrderIntent]:
        navs = self._navs(self._marks(self.market.prices))
        engine = self._engine(navs)
        placed: list[OrderIntent] = []
        engine.resume(self.market.now)

        def place(intents: list[OrderIntent]) -> None:
            for intent in intents:
                engine.place(intent)
                placed.append(intent)

        for name in sorted(navs):
            place(decide_take_profits(self._step(name, navs)))
            if self._is_first_session:
                purchase = decide_first_purchase(self._step(name, navs))
                if purchase is not None:
                    self.recorder.record(purchase[0])
                    place(purchase[1])
            for decide in (decide_calls, decide_puts):
                decisions = decide(self._step(name, navs))
                for decision in decisions:
                    self.recorder.record(decision.event)
                place([decision.intent for decision in decisions if decision.intent is not None])
        return placed

    def _book_expiries(self) -> None:
        through = self.calendar.next_session(self.market.session) - timedelta(days=1)
        at = max(self.market.now, self.market.closes_at)
        shorts = {name: list(account.shorts.values()) for name, account in self._state.accounts.items()}
        settles_on = self.calendar.next_session(self.market.session, self.config.settlement_days)
        ending = {s.underlying for held in shorts.values() for s in held if s.contract.expiry <= through}
        for symbol in sorted(ending - set(self.market.closes)):
            raise MissingDataError(
                f"options on {symbol} end on {self.market.session}, and it has no close then: ingest its bar"
            )
        for outcome in self.broker.expiries(through, shorts, self.market.closes):
            self.recorder.record(
                outcome_event(
                    outcome,
                    self._state.accounts[outcome.account],
                    self.market.session,
                    at,
                    settles_on,
                    self.config.multiplier,
                    self.broker.authority,
                )
            )

    def _end_week(self) -> None:
        reading = self.market.confirmation
        if reading is None:
            return
        guessed = self._state.mode_guess
        self.recorder.record(
            Event(
                EventType.MARKET_MODE_CONFIRMED,
                self.market.closes_at,
                "rule:market_mode",
                f"market_mode/{reading.week}/confirmation",
                {**reading.payload(), "guessed": guessed, "was_right": guessed == reading.mode.value},
                cause=f"market_mode/{reading.week}/guess" if guessed else None,
            )
        )

    def _close(self) -> None:
        marks = self._marks(self.market.closes)
        prices = {symbol: found.price for symbol, found in marks.items()}
        accounts: dict[str, Json] = {}
        for name, account in sorted(self._state.accounts.items()):
            values = valuation(account, self.market.closes, prices, self.config.multiplier)
            accounts[name] = {key: text(amount) for key, amount in values.items()}
        symbols = self._symbols_of_interest()
        self.recorder.record(
            Event(
                EventType.SESSION_CLOSED,
                max(self.market.now, self.market.closes_at),
                "rule:session",
                f"session/{self.market.session}/closed",
                {
                    "session": self.market.session.isoformat(),
                    "week": self.market.week.id,
                    "closes": {s: text(self.market.closes[s]) for s in symbols if s in self.market.closes},
                    "marks": {
                        symbol: {
                            "price": text(found.price),
                            "basis": found.basis,
                            "iv": None if found.iv is None else text(found.iv),
                        }
                        for symbol, found in sorted(marks.items())
                    },
                    "accounts": accounts,
                },
            )
        )

    @property
    def _is_first_session(self) -> bool:
        return str(self._state.opened["first_session"]) == self.market.session.isoformat()

    def _symbols_of_interest(self) -> list[str]:
        symbols = {self.config.market.mode_symbol}
        for account in self._state.accounts.values():
            symbols.update(self.config.accounts.of(account.kind).tickers)  # type: ignore[arg-type]
            symbols.update(account.shares)
        return sorted(symbols)

    def _marks(self, spots: Mapping[str, Decimal]) -> dict[str, Mark]:
        marks: dict[str, Mark] = {}
        for account in self._state.accounts.values():
            for symbol, short in account.shorts.items():
                if short.underlying not in spots:
                    raise MissingDataError(
                        f"account {account.name} is short {symbol}, and {short.underlying} has no price on "
                        f"{self.market.session}: ingest its bar"
                    )
                if symbol not in marks:
                    quote, at = self.market.quotes.get(symbol), self.market.time_of(short.underlying)
                    surface = None
                    if quote is None or not quote.is_two_sided:
                        surface = on_surface(short.contract, short.underlying, self.market.surfaces, at)
                    marks[symbol] = mark(
                        short.contract,
                        quote,
                        surface,
                        short.last_iv,
                        spots[short.underlying],
                        at,
                        self.market.rate_annual,
                        self.market.dividend_yields.get(short.underlying, 0.0),
                        short.underlying in self.config.market.index_options,
                    )
        return marks

    def _navs(self, marks: dict[str, Mark]) -> dict[str, Decimal]:
        prices = {symbol: found.price for symbol, found in marks.items()}
        return {
            name: valuation(account, self.market.prices, prices, self.config.multiplier)["nav"]
            for name, account in self._state.accounts.items()
        }

    def _step(self, name: str, navs: dict[str, Decimal]) -> AccountStep:
        return AccountStep(self._state.accounts[name], self._state, self.market, self.config, navs[name])

    def _engine(self, navs: dict[str, Decimal]) -> OrderEngine:
        def context(intent: OrderIntent, state: BookState) -> GateContext:
            account = state.accounts.get(intent.account)
            rules = self.config.accounts.of(account.kind) if account else None  # type: ignore[arg-type]
            index = self.config.market.index_options.get(intent.symbol)
            extra = index.extra_minutes_after_close if index else 0
            option = intent.instrument != intent.symbol
            paper = self.config.paper
            each = paper.fee_per_contract_usd if option else paper.fee_per_share_usd
            return GateContext(
                state=state,
                now=self.market.time_of(intent.symbol),
                ends_at=self.market.options_end_at,
                opens_at=self.market.opens_at,
                closes_at=self.market.closes_at + timedelta(minutes=extra),
                nav=navs.get(intent.account, Decimal(0)),
                buffer_share=rules.buffer_share if rules else 1.0,
                multiplier=self.config.multiplier,
                expected_fee=each * intent.quantity,
            )

        window = self.config.entry.window_end
        asking = Asking(
            self.config.approvals,
            self.config.alerts,
            new_york_instant(self.market.session, window),
            self.policy,
        )
        return OrderEngine(self.recorder, self.broker, context, asking=asking)


def sessions_to_run(calendar: TradingCalendar, state: BookState, start: date, end: date) -> list[date]:
    """The sessions from ``start`` to ``end`` that the book has not closed yet."""
    sessions = calendar.sessions(start, end)
    return [s for s in sessions if state.last_closed is None or s > state.last_closed]
