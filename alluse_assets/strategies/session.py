"""The routine of one session, the same for replay, paper and live (protocol, section 3).

At the open: week guess, splits, settlements, dividends, breakers, levels. At the quotes' time: levels, then
what protects (closes, rolls), then profits, the first shares, calls and puts. After the close: what the
broker says of expiries and early assignments, drawdowns, the week's confirmation, marks and balances. Each
of the three is a step that can be walked alone; ``run`` walks a session of one look.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Literal

from alluse_assets.accounts.states import allows_entries, status_of
from alluse_assets.base.calendar import TradingCalendar, new_york_instant
from alluse_assets.base.config.model_protocol import ProtocolConfig
from alluse_assets.base.events import Event, Json
from alluse_assets.base.instruments import is_option, parse_occ_symbol
from alluse_assets.execution.approvals import HEDGE_IS_DUE, Asking
from alluse_assets.execution.broker import Broker, OptionOutcome
from alluse_assets.execution.engine import OrderEngine, Recorder, intent_of
from alluse_assets.execution.expiries import outcome_event
from alluse_assets.execution.gate import GateContext, GateDecision
from alluse_assets.execution.order import OrderIntent
from alluse_assets.execution.rolling import continue_rolls, ended_rolls, place_roll
from alluse_assets.execution.withdrawal import withdraw
from alluse_assets.journal.event_types import EventType
from alluse_assets.ledger.book_state import BookState
from alluse_assets.ledger.decided import what_follows
from alluse_assets.protection.circuit_breakers import VixReading
from alluse_assets.protection.entry_limits import buffer_multiple, deployable_share, entry_limit
from alluse_assets.protection.levels import read_level
from alluse_assets.strategies.account_step import AccountStep
from alluse_assets.strategies.closing import closed_event, confirmation_event, stale_alerts
from alluse_assets.strategies.com_acc import decide_first_purchase
from alluse_assets.strategies.entries import decide_calls, decide_puts
from alluse_assets.strategies.exits import (
    ExitDecision,
    close_for_dividend,
    decide_level_closes,
    decide_near_strike,
    decide_take_profits,
    dividend_risks,
)
from alluse_assets.strategies.hedge import decide_hedges, purchases_not_due
from alluse_assets.strategies.level_changes import level_events
from alluse_assets.strategies.market import SessionMarket
from alluse_assets.strategies.opening import (
    dividend_events,
    guess_event,
    settlement_events,
    split_events,
    too_small_alerts,
)
from alluse_assets.strategies.protect import (
    breaker_events,
    cool_off_events,
    deep_events,
    lapse_events,
    pivot_events,
    safe_holds,
)
from alluse_assets.strategies.questions import lift_events, resume_events
from alluse_assets.strategies.rolls import RollDecision, decide_roll, decide_rolls
from alluse_assets.strategies.valuing import Values, values_of


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
        """Walk a session that is looked at once.

        Raises:
            MissingDataError: a position has had no price for too long.
            LedgerError: held shares split in a way that the ledger cannot book.
        """
        self.open()
        self.trade()
        self.close()

    def open(self) -> None:
        """What a session begins with, at the opening bell."""
        market, at = self.market, self.market.opens_at
        opened: dict[str, Json] = {"session": market.session.isoformat(), "week": market.week.id}
        key = f"session/{market.session}/opened"
        self.recorder.record(Event(EventType.SESSION_OPENED, at, "rule:session", key, opened))
        if market.guess is not None:
            self.recorder.record(guess_event(market.guess, at))
        who = self.broker.authority
        self._record(split_events(self._state, market.splits, market.session, at, who, self.config))
        self._record(settlement_events(self._state, market.session, at, self.broker.authority))
        pays_on = self.calendar.next_session(market.session, self.config.paper.dividend_pay_sessions)
        self._record(
            dividend_events(self._state, market.dividends, market.session, pays_on, at, self.broker.authority)
        )
        self._breakers(market.vix_at_open, at, new_session=True)
        self._record(lapse_events(self._state, market.opens, market.atr, market.session, at, self.config))
        self._record(too_small_alerts(self._state, market.opens, market.session, at, self.config))
        self._ask(market.opens, at)
        self._levels(market.opens, at, "open", {})

    def trade(self) -> None:
        """One look at the market at the quotes' time: protect, then take profits, then enter."""
        market = self.market
        self._breakers(market.vix, market.now, new_session=False)
        self._ask(market.prices, market.now)
        navs = self._values(market.prices).navs
        engine = self._look(navs)
        for name in sorted(navs):
            self._protect(engine, name, navs)
            self._place(engine, decide_take_profits(self._step(name, navs)))
            purchase = decide_first_purchase(self._step(name, navs))
            if purchase is not None:
                self.recorder.record(purchase[0])
                self._place(engine, purchase[1])
            for decide in (decide_calls, decide_puts):
                decisions = [(self._decide(one.event), one) for one in decide(self._step(name, navs))]
                for key, decision in decisions:
                    if decision.intent is not None:
                        self._place(engine, [replace(decision.intent, cause=key)])

    def end_orders(self) -> None:
        """End what was left of a session's day orders and rolls, as the broker has; its close waits."""
        self._end_day(max(self.market.now, self.market.closes_at))

    def tend(self) -> None:
        """What needs no market: cancel what may not work, hear the broker, end what nobody may use."""
        engine = self._engine({})
        withdraw(engine, self.market.now)
        engine.poll(self.market.now)
        engine.end_unusable(self.market.now)

    def _look(self, navs: Mapping[str, Decimal]) -> OrderEngine:
        """What every look at a market begins with; the engine of this one."""
        market = self.market
        self._levels(market.prices, market.now, "quotes", navs)
        engine = self._engine(navs)
        why = GateDecision((), ((HEDGE_IS_DUE, "no position is at a level that is hedged any more"),))
        for name in sorted(self._state.accounts):
            for order in purchases_not_due(self._step(name, navs)):
                engine.call_off(intent_of(order), why, market.now)
        withdraw(engine, market.now)
        engine.poll(market.now)
        engine.resume(market.now)
        continue_rolls(engine, market.now)
        return engine

    def close(self) -> None:
        """What a session ends with, after the closing bell.

        It may come late, when a session behind it was looked at already: what is of that one stays.
        """
        at = max(self.market.now, self.market.closes_at)
        self._end_day(at)
        self._book_outcomes()
        if self.market.confirmation is not None:
            confirmation = self.market.confirmation
            guessed = self._state.mode_guess
            self.recorder.record(confirmation_event(confirmation, guessed, self.market.closes_at))
        self._close(at)

    def _end_day(self, at: datetime) -> None:
        self._engine({}).end_session(at)
        rolls = {k: r for k, r in self._state.rolls.items() if r.decided.effective_at <= at}
        self._record(ended_rolls(replace(self._state, rolls=rolls), at))

    @property
    def _state(self) -> BookState:
        return self.recorder.state

    def _record(self, events: Iterable[Event]) -> None:
        for event in events:
            self.recorder.record(event)

    def _decide(self, event: Event) -> str:
        """Record a decision, once for as long as a session's looks come to the same; the key it has.

        A look that decides otherwise than the one before, or another contract or number where something is
        ordered or asked, is a decision of its own. A roll under way goes on as it was decided; one that came
        to nothing and has ended is decided anew.
        """
        decided, key, number = self._state.decided_in_session, event.key, 1
        while key in decided and f"{event.key}/{number + 1}" in decided:
            number += 1
            key = f"{event.key}/{number}"
        if key in decided:
            if event.type == EventType.ROLL_DECIDED and event.payload["outcome"] == "order":
                under_way = [one for one in self._state.rolls if f"{one}/".startswith(f"{event.key}/")]
                if under_way:
                    return under_way[0]
            elif decided[key] == what_follows(event.payload):
                return key
            key = f"{event.key}/{number + 1}"
        self.recorder.record(event if key == event.key else replace(event, key=key))
        return key

    def _place(self, engine: OrderEngine, intents: Iterable[OrderIntent]) -> None:
        for intent in intents:
            engine.place(intent)

    def _breakers(self, reading: VixReading | None, at: datetime, new_session: bool) -> None:
        looks_back = self.config.circuit_breakers.max_stale_sessions + 1
        session = self.market.session
        before = [self.calendar.previous_session(session, n) for n in range(looks_back, 0, -1)]
        self._record(breaker_events(self._state, reading, before, session, at, new_session, self.config))

    def _ask(self, prices: Mapping[str, Decimal], at: datetime) -> None:
        """What a person decides besides orders: asked once, and done at the first step behind a yes."""
        session, config = self.market.session, self.config
        following = self.calendar.close_time(self.calendar.next_session(session))
        self._record(
            lift_events(self._state, prices, self.market.atr, session, at, following, self.policy, config)
        )
        closes_at = self.market.closes_at
        self._record(resume_events(self._state, session, at, closes_at, self.policy, config))

    def _levels(
        self, prices: Mapping[str, Decimal], at: datetime, moment: str, navs: Mapping[str, Decimal]
    ) -> None:
        for name in sorted(self._state.accounts):
            self._record(level_events(self._step(name, navs), prices, at, moment))
            whole = replace(self._step(name, navs), account=self._state.accounts[name], state=self._state)
            self._record(safe_holds(whole, at))

    def _protect(self, engine: OrderEngine, name: str, navs: Mapping[str, Decimal]) -> None:
        """Closes, rolls and hedges of one account. Each decision sees what the one before it did."""
        self._exits(engine, decide_level_closes(self._step(name, navs)))
        for contract, short, facts in dividend_risks(self._step(name, navs)):
            step = self._step(name, navs)
            chain = step.chain_of(short)
            if self.config.rolls.dividend_risk == "roll" and chain is not None:
                decision = decide_roll(step, contract, short, chain, "dividend_risk")
                self._roll(engine, decision)
                if decision.open is not None:
                    continue
            self._exits(engine, [close_for_dividend(step, contract, short, facts)])
        for due in decide_rolls(self._step(name, navs)):
            self._roll(engine, due)
        self._exits(engine, decide_near_strike(self._step(name, navs)))
        self._exits(engine, decide_hedges(self._step(name, navs)))

    def _exits(self, engine: OrderEngine, decisions: Iterable[ExitDecision]) -> None:
        for decision in decisions:
            key = self._decide(decision.event)
            if decision.intent is not None:
                self._place(engine, [replace(decision.intent, cause=key)])

    def _roll(self, engine: OrderEngine, decision: RollDecision) -> None:
        key = self._decide(decision.event)
        if decision.close is not None and decision.open is not None:
            legs = (replace(leg, cause=key, parent=key) for leg in (decision.close, decision.open))
            place_roll(engine, *legs)

    def _book_outcomes(self) -> None:
        """What the broker says: expiries up to the next session, then assignments over the night."""
        through = self.calendar.next_session(self.market.session) - timedelta(days=1)
        options = {name: list(account.options.values()) for name, account in self._state.accounts.items()}
        self._outcomes(self.broker.expiries(through, options, self.market.closes))
        following = self.calendar.next_session(self.market.session)
        dividends = {
            symbol: amount for symbol, (day, amount) in self.market.ex_dividends.items() if day == following
        }
        shorts = {name: list(account.shorts.values()) for name, account in self._state.accounts.items()}
        self._outcomes(self.broker.early_assignments(shorts, self.market.closes, dividends))

    def _outcomes(self, outcomes: Iterable[OptionOutcome]) -> None:
        at = max(self.market.now, self.market.closes_at)
        settles_on = self.calendar.next_session(self.market.session, self.config.settlement_days)
        for outcome in outcomes:
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

    def _close(self, at: datetime) -> None:
        session = self.market.session
        until = self.calendar.next_session(session, self.config.protection.cool_off_sessions)
        self._record(cool_off_events(self._state, until, session, at, self.config))
        self._record(deep_events(self._state, self.market.closes, until, session, at, self.config))
        values = self._values(self.market.closes)
        self._record(stale_alerts(self._state, values, self.market, at, self.config))
        for name, account in sorted(self._state.accounts.items()):
            value = account.value.after(values.navs[name], account.capital)
            self._record(pivot_events(account, value, self._state, until, session, at, self.config))
        symbols = self._symbols_of_interest()
        self.recorder.record(closed_event(values, self.market.closes, symbols, self.market, at))

    def _symbols_of_interest(self) -> list[str]:
        symbols = {self.config.market.mode_symbol}
        for account in self._state.accounts.values():
            symbols.update(self.config.accounts.of(account.kind).tickers)  # type: ignore[arg-type]
            symbols.update(account.shares)
            symbols.update(option.underlying for option in account.options.values())
        return sorted(symbols)

    def _values(self, known: Mapping[str, Decimal]) -> Values:
        return values_of(self._state, self.market, known, self.calendar, self.config)

    def _step(self, name: str, navs: Mapping[str, Decimal]) -> AccountStep:
        nav, state = navs.get(name, Decimal(0)), self._state
        return AccountStep(state.accounts[name], state, self.market, self.config, nav)

    def _engine(self, navs: Mapping[str, Decimal]) -> OrderEngine:
        def context(intent: OrderIntent, state: BookState) -> GateContext:
            account = state.accounts.get(intent.account)
            rules = self.config.accounts.of(account.kind) if account else None  # type: ignore[arg-type]
            index = self.config.market.index_options.get(intent.symbol)
            extra = index.extra_minutes_after_close if index else 0
            option = intent.instrument != intent.symbol
            multiple = float(buffer_multiple(state.protection, self.config))
            paper = self.config.paper
            each = paper.fee_per_contract_usd if option else paper.fee_per_share_usd
            return GateContext(
                state=state,
                now=self.market.now,
                ends_at=self.market.options_end_at,
                opens_at=self.market.opens_at,
                closes_at=self.market.closes_at + timedelta(minutes=extra),
                nav=navs.get(intent.account, Decimal(0)),
                buffer_share=rules.buffer_share * multiple if rules else 1.0,
                multiplier=self.config.multiplier,
                expected_fee=each * intent.quantity,
                status=status_of(state.protection, intent.account),
                window_open=self.market.entries_open,
                no_entry=self._no_entry(intent, state),
                deployable_share=deployable_share(state.protection, self.config),
                keeps_levels=self.config.protection.enabled,
            )

        window = self.config.entry.window_end
        asking = Asking(
            self.config.approvals,
            self.config.alerts,
            new_york_instant(self.market.session, window),
            self.policy,
        )
        return OrderEngine(self.recorder, self.broker, context, asking=asking, level_of=self._level_of)

    def _level_of(self, state: BookState, chain: str) -> int:
        """The level of a chain; by the price, of one that a roll bought back whole and is to sell again."""
        known = state.protection.chains[chain]
        price = self.market.prices.get(known.symbol)
        if known.contracts or price is None or not self.config.protection.enabled:
            return known.level
        return read_level(known, price, self.config.protection).level

    def _no_entry(self, intent: OrderIntent, state: BookState) -> str | None:
        """Why protection lets no option be opened; the gate asks for the account's state itself."""
        account, protection = state.accounts.get(intent.account), state.protection
        if account is None or not is_option(intent.instrument):
            return None
        if not allows_entries(status_of(protection, intent.account)):
            return None
        right, kind = parse_occ_symbol(intent.instrument).right, account.kind
        return entry_limit(protection, account.name, kind, intent.symbol, right, self.config).refused  # type: ignore[arg-type]


class GuardRoutine(SessionRoutine):
    """A look that only protects: a step before it could not be made, so nothing is entered.

    What expired in a session that is not closed yet is left alone. Accounts are worth what they were at the
    last close, which nothing that protects depends on.
    """

    __slots__ = ()

    def trade(self) -> None:
        """Levels, closes, rolls, hedges, and what needs no market."""
        self._breakers(self.market.vix, self.market.now, new_session=False)
        navs = {name: account.value.nav for name, account in self._state.accounts.items()}
        engine = self._look(navs)
        for name in sorted(navs):
            self._protect(engine, name, navs)


def sessions_to_run(calendar: TradingCalendar, state: BookState, start: date, end: date) -> list[date]:
    """The sessions from ``start`` to ``end`` that the book has not closed yet."""
    sessions = calendar.sessions(start, end)
    return [s for s in sessions if state.last_closed is None or s > state.last_closed]
