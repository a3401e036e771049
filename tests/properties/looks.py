"""Sessions of several looks in which a person interferes at random, and what must hold of their journal.

A look may be in the entry window or outside, orders fill in part as volumes let them, accounts are paused,
halted and released between looks, the volatility index jumps, questions are answered or not. The journal is
asked alone: what a level is worth is for the markets of one look (``invariants``).
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from decimal import Decimal

from alluse_assets.accounts.allocation import open_book
from alluse_assets.accounts.states import lift_hold, place_hold
from alluse_assets.adapters.paper.orders import paper_broker
from alluse_assets.base.calendar import NEW_YORK
from alluse_assets.base.config.config_manager import with_values
from alluse_assets.base.events import Event
from alluse_assets.execution.approvals import answer
from alluse_assets.ledger.book_fold import fold
from alluse_assets.orchestration.replay import SessionRecorder
from alluse_assets.protection.circuit_breakers import VixReading
from alluse_assets.strategies.entry import screen, screened_by_session
from alluse_assets.strategies.entry_calendar import entry_calendar
from alluse_assets.strategies.market import SessionMarket
from alluse_assets.strategies.session import SessionRoutine
from tests.made_market import CALENDAR, MadeMarket, make_market
from tests.properties.chains_by_hand import Chain, follow
from tests.properties.invariants import (
    Book,
    books,
    calls_are_covered_by_shares,
    one_entry_a_week,
    postings_balance,
    puts_are_covered_by_cash,
)
from tests.properties.random_market import random_market

TIMES = (time(10, 5), time(10, 20), time(10, 40), time(11, 5), time(13), time(15, 40))
WINDOW = (time(10), time(11))
SESSIONS = 7
ENTRIES = ("open_put", "open_call")


def market_of_looks(seed: int) -> MadeMarket:
    """Seven sessions of six looks; wild shares, thin volumes, and a book that may ask a person."""
    draw = random.Random(seed)
    made = random_market(seed, {"high_volatility", "crash"})
    mode = draw.choice(["auto", "approve"])
    config = with_values(
        made.config,
        {
            "paper.combined_rolls": draw.random() < 0.5,
            "entry.max_order_share_of_volume": 1.0,
            "book.lump_sum_usd": draw.choice([400_000, 4_000_000]),
            "entry.window_start": WINDOW[0],
            "entry.window_end": WINDOW[1],
            "approvals.mode": mode,
            "approvals.expires_after_minutes": draw.choice([None, 30, 90]),
            "accounts.gen.puts.entry_weekdays": ["Mon", "Wed", "Thu"],
            "accounts.com.puts.entry_weekdays": ["Mon", "Wed"],
            "protection.level_1_atr": 0.4,
            "protection.level_2_atr": 0.7,
            "protection.level_3_atr": draw.choice([1.1, 2.0]),
            "protection.hysteresis_atr": 0.1,
        },
    )
    last = CALENDAR.next_session(made.first, SESSIONS - 1)
    volume = draw.choice([100, 400, 3000])
    return make_market(made.paths, made.vix, made.first, last, config, weeks=3, volume=volume, times=TIMES)


def walked(market: MadeMarket, seed: int) -> list[Event]:
    """The journal of a book of ``market``, with what a person does drawn from ``seed``."""
    draw = random.Random(f"person/{seed}")
    opened = open_book(market.config, "made", market.first, CALENDAR.open_time(market.first))
    recorder, found = SessionRecorder(fold(opened)), list(opened)
    for looks in market.feed().sessions(market.sessions):
        broker = paper_broker(recorder.state, looks[0], market.config)
        routine = SessionRoutine(recorder, broker, looks[0], market.config, CALENDAR)
        routine.open()
        for look in looks:
            _interfere(recorder, market, look.now, draw)
            if draw.random() < 0.08:
                look = replace(look, vix=VixReading(Decimal(draw.choice([52, 68, 85])), look.session))
            routine.market = _as_live(look, market)
            broker.quotes, broker.prices = look.quotes, look.prices
            routine.trade()
        broker.quotes = looks[-1].last_quotes
        routine.close()
    return found + list(recorder.events)


def _as_live(look: SessionMarket, market: MadeMarket) -> SessionMarket:
    """A look as a live book has it: candidates of its own, and entries while the clock is in the window."""
    mode = {look.week.id: "Green"}
    calendar = entry_calendar([look.week], mode, CALENDAR, market.config)
    judged = screened_by_session(screen(look.chain, calendar, market.config, look.earnings, None))
    return replace(look, screened=judged.get(look.session, {}), entries_open=_in_window(look.now))


def _in_window(at: datetime) -> bool:
    return WINDOW[0] <= at.astimezone(NEW_YORK).time() <= WINDOW[1]


def _interfere(recorder: SessionRecorder, market: MadeMarket, at: datetime, draw: random.Random) -> None:
    """What happens before a look."""
    for account in sorted(recorder.state.accounts):
        protection = recorder.state.protection
        for hold in ("paused", "halted", "close_only"):
            is_held, chance = hold in protection.holds.get(account, {}), draw.random()
            event = None
            if is_held and chance < 0.5:
                event = lift_hold(protection, account, hold, "tried", at, "person:ann", "person")
            elif not is_held and chance < 0.03:
                event = place_hold(protection, account, hold, "tried", at, "person:ann")
            if event:
                recorder.record(event)
                protection = recorder.state.protection
    for asked in list(recorder.state.approvals.values()):
        chance = draw.random()
        if chance < 0.7 and asked.answer is None and not asked.has_expired(at):
            known, rules = recorder.state.approvals, market.config.approvals
            said = answer(known, asked.approval, asked.hash, "ann", chance < 0.5, at, "paper", rules)
            recorder.record(said)


@dataclass
class Followed:
    """What the journal has said so far."""

    chains: dict[str, Chain] = field(default_factory=dict)
    cooling: set[tuple[str, str]] = field(default_factory=set)
    deep: set[str] = field(default_factory=set)

    def take(self, event: Event) -> None:
        p = event.payload
        if event.type == "protection.level_changed":
            self.chains[p["chain"]].said = p["level_to"]
        elif event.type == "protection.cool_off_begun":
            self.cooling.add((p["account"], p["symbol"]))
        elif event.type == "protection.cool_off_ended":
            self.cooling.discard((p["account"], p["symbol"]))
        elif event.type == "drawdown.deep_begun":
            self.deep.add(p["symbol"])
        elif event.type == "drawdown.deep_ended":
            self.deep.discard(p["symbol"])
        follow(self.chains, event)


def followed(events: list[Event]) -> Iterator[tuple[Event, Followed, Book]]:
    """Each event with what was known before it, and the book after it."""
    known = Followed()
    for event, book in books(events):
        yield event, known, book
        known.take(event)


def entries_fill_only_where_they_may_be_made(events: list[Event]) -> list[str]:
    found = []
    for event, known, book in followed(events):
        p = event.payload
        if event.type != "order.filled" or p["purpose"] not in ENTRIES:
            continue
        account, symbol = p["account"], p["symbol"]
        place = f"{event.key} at {event.effective_at}"
        if not _in_window(event.effective_at):
            found.append(f"{place}: outside of the window")
        if book.status(account) != "ACTIVE":
            found.append(f"{place}: the account is {book.status(account)}")
        for chain in known.chains.values():
            if (chain.account, chain.symbol) == (account, symbol) and chain.said >= 2 and +chain.contracts:
                found.append(f"{place}: {symbol} is at level {chain.said}")
        if (account, symbol) in known.cooling:
            found.append(f"{place}: {symbol} cools off")
        if p["purpose"] == "open_put" and symbol in known.deep:
            found.append(f"{place}: {symbol} is in a deep drawdown")
    return found


def a_halted_account_does_nothing(events: list[Event]) -> list[str]:
    wrong = ("order.created", "order.approved", "order.submitted", "order.filled", "approval.requested")
    return [
        f"{event.key}: {event.type}"
        for event, book in books(events)
        if event.type in wrong
        if book.status(str(event.payload.get("account", ""))) == "HALTED"
    ]


def rolls_sell_what_they_bought_back_and_end(events: list[Event]) -> list[str]:
    found, left, ended = [], Counter[str](), {e.payload["roll"] for e in events if e.type == "roll.ended"}
    for event in events:
        p = event.payload
        if event.type == "order.filled" and p["parent"]:
            left[p["parent"]] += p["quantity"] if p["action"] == "BUY_TO_CLOSE" else -p["quantity"]
            if left[p["parent"]] < 0:
                found.append(f"{event.key}: more was sold than bought back")
        elif event.type == "roll.decided" and p["outcome"] == "order" and event.key not in ended:
            found.append(f"{event.key}: a roll without an end")
        elif event.type == "roll.ended":
            all_done = p["closed"] == p["opened"] == p["contracts"]
            if p["closed"] - p["opened"] != left[p["roll"]]:
                found.append(f"{event.key}: {left[p['roll']]} were not sold again")
            if not all_done and not p.get("why"):
                found.append(f"{event.key}: {p['closed']} of {p['contracts']}, and no word why")
    return found


def orders_end_with_their_session(events: list[Event]) -> list[str]:
    found, alive = [], dict[str, str]()
    for event in events:
        p = event.payload
        if event.type.startswith("order."):
            alive[p["intent"]] = str(p.get("state", "CREATED"))
            if p.get("terminal"):
                del alive[p["intent"]]
        elif event.type == "session.closed":
            found += [f"{p['session']}: {one} is {state}" for one, state in alive.items()]
            alive.clear()
    return found


def a_no_stands_and_a_yes_is_used_once(events: list[Event]) -> list[str]:
    """Nobody is asked again in a session about what they refused, and what asked is sent after a yes only."""
    found, refused, session = [], dict[str, date](), events[0].effective_at.date()
    keys, asked, parents = [e.key for e in events], set[str](), dict[str, str]()
    about: dict[str, str] = {}
    for event in events:
        p, session = event.payload, event.effective_at.date()
        if event.type == "order.created":
            parents[p["intent"]] = p["parent"]
        elif event.type == "approval.requested" and p["kind"] in ("order", "roll"):
            one = p["subject"]["orders"][0]
            what = one["instrument"] if one["purpose"] not in ENTRIES else one["symbol"]
            subject = about[p["approval"]] = f"{one['account']} {one['purpose']} {what}"
            asked.add(p["approval"])
            if refused.get(subject) == session:
                found.append(f"{event.key}: it was refused in this session")
        elif event.type == "approval.answered" and p["answer"] == "no" and p["approval"] in about:
            refused[about[p["approval"]]] = session
        elif event.type == "order.submitted":
            for one in {f"order/{p['intent']}", parents[p["intent"]]} & asked:
                if f"approval/{one}/used" not in keys:
                    found.append(f"{event.key}: sent without a yes")
    return found


def nothing_is_written_twice_or_at_every_look(events: list[Event]) -> list[str]:
    """Keys are unique, and what ends unfilled is ordered no more often than it could be looked at."""
    tries: dict[str, int] = defaultdict(int)
    for event in events:
        if event.type == "order.created":
            tries["/".join(event.payload["intent"].split("/")[:4])] += 1
    found = [f"{key} is written {n} times" for key, n in Counter(e.key for e in events).items() if n > 1]
    found += [f"{one}: ordered {n} times" for one, n in tries.items() if n > len(TIMES)]
    return found + _refused_again(events)


def _refused_again(events: list[Event]) -> list[str]:
    """Exits that were refused at once for what had refused them before."""
    found, last, waited = [], dict[str, list[str]](), set[str]()
    for event in events:
        p = event.payload
        if event.type == "order.pending_approval":
            waited.add(p["intent"])
        elif event.type == "order.denied" and p["intent"] not in waited and "/roll_" not in p["intent"]:
            one, rules = "/".join(p["intent"].split("/")[:4]), [r["rule"] for r in p["gate"]["refused"]]
            if last.get(one) == rules:
                found.append(f"{event.key}: refused again for {rules}")
            last[one] = rules
    return found


LOOKED_AT: tuple[Callable[[list[Event]], list[str]], ...] = (
    entries_fill_only_where_they_may_be_made,
    a_halted_account_does_nothing,
    rolls_sell_what_they_bought_back_and_end,
    orders_end_with_their_session,
    a_no_stands_and_a_yes_is_used_once,
    nothing_is_written_twice_or_at_every_look,
)


def faults(events: list[Event], market: MadeMarket) -> list[str]:
    """Every violation, each with its property's name."""
    found = [f"{one.__name__}: {why}" for one in LOOKED_AT for why in one(events)]
    for covered in (
        puts_are_covered_by_cash,
        calls_are_covered_by_shares,
        postings_balance,
        one_entry_a_week,
    ):
        found += [f"{covered.__name__}: {why}" for why in covered(events, market)]
    return found
