"""Walks a scenario with the real screen, session routine, gate, engine, ledger and paper broker.

Only the market is written down. Starting positions come from orders that are really tried in the sessions
before; a session that is not told is quiet: the prices before it, and nothing is decided.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from typing import Any

import polars as pl

from alluse_assets.accounts.allocation import open_book
from alluse_assets.accounts.states import lift_hold, place_hold
from alluse_assets.adapters.paper.orders import PaperBroker, paper_broker
from alluse_assets.base.calendar import TradingWeek, new_york_instant, trading_calendar
from alluse_assets.base.config.config_manager import with_values
from alluse_assets.base.errors import AccountError
from alluse_assets.base.events import Event
from alluse_assets.execution.approval_alerts import with_alert
from alluse_assets.execution.approvals import answer
from alluse_assets.execution.broker import OptionOutcome
from alluse_assets.execution.order import Action, ChainStart, OrderIntent
from alluse_assets.execution.project import project_option_trades
from alluse_assets.ledger.book_state import BookState
from alluse_assets.market_data.quote import Quote
from alluse_assets.option_chains.marks import intrinsic
from alluse_assets.orchestration.market_feed import SessionQuotes
from alluse_assets.orchestration.replay import SessionRecorder
from alluse_assets.strategies.entry import screen, screened_by_session
from alluse_assets.strategies.entry_calendar import entry_calendar
from alluse_assets.strategies.market import SessionMarket
from alluse_assets.strategies.session import SessionRoutine
from alluse_assets.weeks.project import project_week_types
from tests.scenarios.calendar_words import mode_faults, window_faults
from tests.scenarios.judge import judge_session, matches, short
from tests.scenarios.market_words import chain_of, on, reading_of, vix_of
from tests.scenarios.settings import config_of
from tests.scenarios.words import (
    ActWords,
    AnswerWords,
    Given,
    Scenario,
    ScenarioError,
    SessionWords,
)

CALENDAR = trading_calendar()
_NO_REPORT_NEAR = date(2099, 12, 31)


@dataclass
class _GivenSession(SessionRoutine):
    """The real routine of a session whose orders are the scenario's, not the strategies'."""

    given: list[Given] = field(default_factory=list)

    def trade(self) -> None:
        engine = self._engine(self._values(self.market.prices).navs)
        for one in self.given:
            intent = _intent(one, self.market, self._state)
            outcome = engine.place(intent)
            if outcome != "FILLED":
                raise ScenarioError(
                    f"given: the order for {one} ended {outcome}: {short(self.recorder.events[-1])}"
                )


class _SilentBroker(PaperBroker):
    """The paper broker, but it has not said yet how options ended."""

    def expiries(self, *_: Any) -> list[OptionOutcome]:
        """Nothing."""
        return []

    def early_assignments(self, *_: Any) -> list[OptionOutcome]:
        """Nothing."""
        return []


def _intent(one: Given, market: SessionMarket, state: BookState) -> OrderIntent:
    if one.contract is None:
        action, purpose, instrument, chain = Action.BUY, "first_purchase", one.symbol, None
    else:
        action, instrument = Action.SELL_TO_OPEN, one.contract.symbol
        purpose = "open_put" if one.contract.right == "P" else "open_call"
        start = f"{market.session}/{one.account}/{purpose}/{instrument}"
        chain = ChainStart(start, one.contract.right, one.price, one.atr, one.iv)
    return OrderIntent(
        account=one.account,
        instrument=instrument,
        symbol=one.symbol,
        action=action,
        quantity=one.count,
        limit_price=one.at,
        purpose=purpose,
        session=market.session,
        decided_at=market.now,
        cause="given",
        config_fingerprint=state.config_fingerprint,
        chain=chain,
    )


class Walk:
    """A book that a scenario walks."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.config = config_of(scenario)
        self.prices: dict[str, Decimal] = {}
        days = [*(one.day for one in scenario.given), *(one.day for one in scenario.sessions)]
        self.first = min(days)
        self.recorder = SessionRecorder(BookState())
        for event in open_book(self.config, "scenario", self.first, CALENDAR.open_time(self.first)):
            self.recorder.record(event)
        for name, amount in scenario.accounts.items():
            if self.state.accounts[name].cash != amount:
                raise ScenarioError(f"accounts: {name} got {self.state.accounts[name].cash}, not {amount}")

    @property
    def state(self) -> BookState:
        """The book now."""
        return self.recorder.state

    def faults(self) -> list[str]:
        """Walk it all; what is wrong, with the events of the sessions in which it went wrong."""
        told = {day: list(looks) for day, looks in groupby(self.scenario.sessions, lambda one: one.day)}
        if list(told) != sorted(told):
            raise ScenarioError("sessions: not in order")
        begins = self.scenario.sessions[0].day
        late = [one for one in self.scenario.given if one.day >= begins]
        if late:
            raise ScenarioError(f"given: {late[0]} is not before the first session {begins}")
        faults: list[str] = []
        for day in CALENDAR.sessions(self.first, max(told)):
            if day not in told:
                self._walk_quietly(day)
                continue
            for words, events, state in self._walk(day, told[day]):
                wrong = judge_session(words, events, state)
                if wrong:
                    listed = "\n".join(f"    {n}. {short(event)}" for n, event in enumerate(events, 1))
                    faults += [f"{day}:", *(f"  {one}" for one in wrong), f"  its events:\n{listed}"]
        return faults + self._week_faults() + self._trade_faults()

    def _walk_quietly(self, day: date) -> None:
        market = self._market(day, None)
        given = [one for one in self.scenario.given if one.day == day]
        routine = _GivenSession(*self._parts(market, is_silent=False), given=given)
        # What is given is there without anybody having been asked about it.
        unasked = self.config.approvals.model_copy(update={"mode": "auto"})
        routine.config = self.config.model_copy(update={"approvals": unasked})
        routine.run()
        self.prices |= market.closes

    def _walk(
        self, day: date, looks: Sequence[SessionWords]
    ) -> Iterator[tuple[SessionWords, list[Event], BookState]]:
        """Each look of a session with its events and the book after it; the last one has the close."""
        known, last = len(self.recorder.events), looks[-1]
        for told in looks:
            for act in told.acts:
                self._act(act, day, told.refused)
            if told.settings:
                self.config = with_values(self.config, told.settings)
            market = replace(self._market(day, told), closes=self._prices(day, last)[2])
            routine = SessionRoutine(*self._parts(market, last.broker_is_silent))
            if told is looks[0]:
                routine.open()
            if told.answer:
                # A session that is told once is looked at before the answer, and again behind it.
                at = new_york_instant(day, told.answer.at)
                if len(looks) == 1:
                    routine.trade()
                self._answer(told.answer, at)
                routine.market = replace(market, now=at)
            routine.trade()
            if told is last:
                routine.close()
                self.prices |= market.closes
            events = self.recorder.events[known:]
            known = len(self.recorder.events)
            yield told, events, self.state

    def _parts(self, market: SessionMarket, is_silent: bool) -> tuple[Any, ...]:
        broker = paper_broker(self.state, market, self.config)
        if is_silent:
            broker = _SilentBroker(**{one.name: getattr(broker, one.name) for one in fields(broker)})
        policy = None if self.scenario.asks_a_person else self.config.approvals.replay_answer
        return self.recorder, broker, market, self.config, CALENDAR, policy

    def _answer(self, told: AnswerWords, at: datetime) -> None:
        for asked in list(self.state.approvals.values()):
            rules, known = self.config.approvals, self.state.approvals
            event = answer(known, asked.approval, asked.hash, told.who, told.yes, at, "paper", rules)
            for one in with_alert(asked, event):
                self.recorder.record(one)

    def _act(self, act: ActWords, day: date, refused: str | None) -> None:
        at, protection = CALENDAR.open_time(day), self.state.protection
        who = "rule" if act.who.startswith("rule") else "person"
        why = f"told by {act.who}"
        try:
            event = (
                lift_hold(protection, act.account, act.hold, why, at, act.who, who)
                if act.lifts
                else place_hold(protection, act.account, act.hold, why, at, act.who)
            )
        except AccountError as error:
            if refused is None or refused not in str(error):
                raise
            return
        if refused is not None:
            raise ScenarioError(f"{day}: {act} was not refused")
        if event:
            self.recorder.record(event)

    def _market(self, day: date, told: SessionWords | None) -> SessionMarket:
        week, closes_at = CALENDAR.week_of(day), CALENDAR.close_time(day)
        opens, now_prices, closes = self._prices(day, told)
        quoted_at = new_york_instant(day, told.quotes_at) if told and told.quotes_at else closes_at
        now = new_york_instant(day, told.decided_at) if told and told.decided_at else quoted_at
        prices = closes if now >= closes_at else now_prices
        chain = chain_of(told.quotes if told else (), day, quoted_at, prices)
        quotes: Mapping[str, Quote] = SessionQuotes(chain)
        if not told:
            quotes = self._quiet_quotes(day, now, closes)
        atr = {symbol: self.scenario.atr.get(symbol, 5) for symbol in closes} | (
            dict(told.atr) if told else {}
        )
        mode = told.mode if told else "Green"
        earnings = {
            symbol: frozenset([_NO_REPORT_NEAR, *self.scenario.earnings.get(symbol, [])])
            for symbol in self._symbols()
            if self.scenario.earnings.get(symbol) != "unknown"
        }
        calendar = entry_calendar([week], {week.id: self._mode_of(week, mode)}, CALENDAR, self.config)
        decided = pl.lit(now) if told and told.decided_at else None
        judged = screen(chain, calendar, self.config, earnings, decided)
        vix_open, vix_now = vix_of(told.vix if told else 20, day)
        return SessionMarket(
            session=day,
            week=week,
            opens_at=CALENDAR.open_time(day),
            closes_at=closes_at,
            now=now,
            closes=closes,
            prices=prices,
            quotes=quotes,
            screened=screened_by_session(judged).get(day, {}),
            rate_annual=0.0,
            dividends=on(self.scenario.dividends, day),
            splits=on(self.scenario.splits, day),
            ex_dividends=self._ex_dividends(day),
            opens=opens,
            atr={symbol: Decimal(str(value)) for symbol, value in atr.items() if value != "unknown"},
            vix_at_open=vix_open,
            vix=vix_now,
            chain=chain,
            earnings=earnings,
            entries_open=told.window_open if told else True,
            guess=reading_of(week, mode) if day == max(week.first, self.first) else None,
            confirmation=reading_of(week, told.confirm if told else "Green") if day == week.last else None,
        )

    def _quiet_quotes(self, day: date, now: datetime, closes: Mapping[str, Decimal]) -> dict[str, Quote]:
        """What is sold that day at its price; what is open at its first price, or just over its worth."""
        found = {}
        for one in self.scenario.given:
            if one.contract and one.day <= day <= one.contract.expiry:
                worth = intrinsic(one.contract, closes[one.symbol]) + Decimal("0.10")
                at = one.at if one.day == day else max(one.at, worth)
                found[one.contract.symbol] = Quote(one.contract.symbol, now, at, at, iv=one.iv)
        return found

    def _mode_of(self, week: TradingWeek, mode: str) -> str:
        """The week's guess: what its first told session said."""
        return str(self.state.mode_guess) if self.state.week == week.id else mode

    def _prices(
        self, day: date, told: SessionWords | None
    ) -> tuple[dict[str, Decimal], dict[str, Decimal], dict[str, Decimal]]:
        """At the open, at the quotes' time and at the close. The open is the close before unless told."""
        closes, opens, now = dict(self.prices), dict(self.prices), dict(self.prices)
        for symbol, ratio in on(self.scenario.splits, day).items():
            if symbol in opens:
                opens[symbol] /= ratio
        for one in self.scenario.given:
            if one.day == day:
                opens[one.symbol] = now[one.symbol] = closes[one.symbol] = one.price
            elif one.contract and one.closed and one.contract.expiry == day:
                closes[one.symbol] = one.closed
        for symbol, value in (told.prices if told else {}).items():
            words = value if isinstance(value, Mapping) else {"close": value}
            close = Decimal(str(words["close"]))
            opens[symbol] = Decimal(str(words.get("open", opens.get(symbol, close))))
            now[symbol] = Decimal(str(words.get("now", opens[symbol])))
            closes[symbol] = close
        return opens, now, closes

    def _ex_dividends(self, day: date) -> dict[str, tuple[date, Decimal]]:
        found = {}
        for ahead in range(self.config.rolls.dividend_risk_sessions, 0, -1):
            ex_date = CALENDAR.next_session(day, ahead)
            found |= {s: (ex_date, amount) for s, amount in on(self.scenario.dividends, ex_date).items()}
        return found

    def _symbols(self) -> set[str]:
        return set(self.config.underlyings)

    def _trade_faults(self) -> list[str]:
        if not self.scenario.trades:
            return []
        rows = project_option_trades(self.recorder.events).rows(named=True)
        if matches([*self.scenario.trades], rows):
            return []
        return [f"trades are not {list(self.scenario.trades)} but:", *(f"  {row}" for row in rows)]

    def _week_faults(self) -> list[str]:
        if not self.scenario.week_types:
            return []
        frame = project_week_types(self.recorder.events, lambda day: CALENDAR.week_of(day).last == day)
        rows = {f"{r['account']} {r['symbol']} {r['week']}": r for r in frame.iter_rows(named=True)}
        faults = []
        for words, wanted in self.scenario.week_types.items():
            row = rows.get(words)
            if row is None:
                faults.append(f"week {words}: it has no type; there are {sorted(rows)}")
                continue
            legs = wanted if isinstance(wanted, list) else None
            if row["week_type"] != (legs[0] if legs else wanted) or (legs and row["legs"] != legs):
                faults.append(
                    f"week {words}: {row['week_type']} with legs {row['legs']}, not {wanted}; {row['facts']}"
                )
        return faults


def run(scenario: Scenario) -> list[str]:
    """What is wrong with a scenario; nothing when all is as the protocol says."""
    faults = Walk(scenario).faults() if scenario.sessions else []
    return faults + window_faults(scenario) + mode_faults(scenario)
