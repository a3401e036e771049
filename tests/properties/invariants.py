"""What must hold of every book, read from its journal and the raw market alone.

Positions and cash are sums of postings, levels and limits are worked out here again from prices: nothing of
the product's state, gate or protection is asked. Each function returns what it found wrong, in sentences.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from alluse_assets.base.events import Event
from alluse_assets.ledger.book_fold import apply
from alluse_assets.ledger.book_state import BookState
from alluse_assets.weeks.project import project_week_types
from tests.made_market import CALENDAR, MadeMarket
from tests.properties.chains_by_hand import chain_sessions, left_of
from tests.properties.raw import Contract, parse, price_at_quotes, vix_forbids, wilder_atr

STRICTNESS = ("PAUSED", "SAFE", "CLOSE_ONLY", "HALTED")
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri")


@dataclass
class Book:
    """Sums of postings so far, and what the journal said of holds and levels."""

    cash: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    held: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """By account and instrument; short options are negative."""
    holds: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    kinds: dict[str, str] = field(default_factory=dict)
    orders: dict[str, dict] = field(default_factory=dict)
    session: date | None = None
    longs: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    navs: dict[str, Decimal] = field(default_factory=dict)
    """At the close before."""

    def take(self, event: Event) -> None:
        p = event.payload
        self.session = event.effective_at.date()
        for line in event.postings:
            if str(line.ledger_account) == "cash":
                self.cash[line.account] += line.amount
            if line.instrument and str(line.ledger_account) in ("shares", "short_options"):
                self.held[line.account][line.instrument] += line.quantity
            if str(line.ledger_account) == "long_options":
                self.longs[line.account][str(line.instrument)] += line.quantity
        if event.type == "account.opened":
            self.kinds[p["account"]] = p["kind"]
        elif event.type == "account.hold_placed":
            self.holds[p["account"]][p["hold"]] = p["state"]
        elif event.type == "account.hold_lifted":
            del self.holds[p["account"]][p["hold"]]
        elif event.type == "order.created":
            self.orders[p["intent"]] = p
        elif event.type == "session.closed":
            self.navs = {name: Decimal(one["nav"]) for name, one in p["accounts"].items()}

    def shorts(self, account: str) -> dict[Contract, int]:
        """Open contracts, counted positive."""
        return {parse(name): -count for name, count in self.held[account].items() if len(name) > 15 and count}

    def status(self, account: str) -> str:
        states = self.holds[account].values()
        return max(states, key=STRICTNESS.index, default="ACTIVE")

    def collateral(self, account: str) -> Decimal:
        return sum(
            (c.strike * 100 * n for c, n in self.shorts(account).items() if c.right == "P"), Decimal(0)
        )


def books(events: Iterable[Event]) -> Iterator[tuple[Event, Book]]:
    """Each event with the book after it; one book that grows."""
    book = Book()
    for event in events:
        book.take(event)
        yield event, book


def puts_are_covered_by_cash(events: list[Event], market: MadeMarket) -> list[str]:
    return [
        f"{event.key}: {account} has {book.cash[account]} in cash for {book.collateral(account)} of puts"
        for event, book in books(events)
        if event.postings
        for account in {line.account for line in event.postings}
        if book.cash[account] < book.collateral(account) or book.cash[account] < 0
    ]


def calls_are_covered_by_shares(events: list[Event], market: MadeMarket) -> list[str]:
    found = []
    for event, book in books(events):
        for account in {line.account for line in event.postings}:
            bound: Counter[str] = Counter()
            for contract, count in book.shorts(account).items():
                bound[contract.root] += 100 * count if contract.right == "C" else 0
            for symbol, shares in bound.items():
                if shares > book.held[account][symbol]:
                    found.append(
                        f"{event.key}: {account}: {shares} bound of {book.held[account][symbol]} {symbol}"
                    )
    return found


def postings_balance(events: list[Event], market: MadeMarket) -> list[str]:
    return [event.key for event in events if sum(line.amount for line in event.postings)]


def entries_are_inside_caps(events: list[Event], market: MadeMarket) -> list[str]:
    """Collateral of a session's new puts fits deployable and, per symbol, its share of it."""
    found: list[str] = []
    spent: dict[tuple[str, date], Decimal] = defaultdict(Decimal)
    deep = _deep_until(events, market)
    for event, book in books(events):
        p = event.payload
        if event.type != "entry.decided" or p["right"] != "P":
            continue
        rules = market.config.accounts.of(p["kind"])
        session = event.effective_at.date()
        multiple = 2 if any(session < until and begun < session for begun, until in deep.values()) else 1
        buffer = Decimal(str(rules.buffer_share)) * multiple * Decimal(p["nav"])
        free = book.cash[p["account"]] - book.collateral(p["account"]) - buffer
        already = spent[(p["account"], session)]
        if Decimal(p["deployable"]) > max(Decimal(0), free + already) + Decimal("0.01"):
            found.append(f"{event.key}: deployable {p['deployable']}, but {free + already} is free")
        if p["outcome"] != "order":
            continue
        money = parse(p["chosen"]).strike * 100 * p["contracts"]
        spent[(p["account"], session)] += money
        cap = Decimal(str(rules.max_symbol_share)) * Decimal(p["deployable"])
        if money > cap and p["contracts"] > 1:
            found.append(f"{event.key}: {money} on one symbol, at most {cap}")
        if spent[(p["account"], session)] > Decimal(p["deployable"]):
            found.append(f"{event.key}: {spent[(p['account'], session)]} of {p['deployable']} deployable")
    return found


def orders_are_allowed_by_state_window_and_vix(events: list[Event], market: MadeMarket) -> list[str]:
    found = []
    for event, book in books(events):
        if event.type not in ("order.submitted", "order.filled"):
            continue
        order = book.orders[event.payload["intent"]]
        status, session = book.status(order["account"]), date.fromisoformat(order["session"])
        place = f"{order['intent']} ({status})"
        if status == "HALTED":
            found.append(f"{place}: something was sent or filled")
        if order["purpose"] == "roll_open" and status not in ("ACTIVE", "PAUSED", "SAFE"):
            found.append(f"{place}: rolled")
        if order["purpose"] not in ("open_put", "open_call"):
            continue
        if status != "ACTIVE":
            found.append(f"{place}: an entry")
        if vix_forbids(market, session, event.effective_at):
            found.append(f"{place}: an entry though VIX is high or not known")
        kind = market.config.accounts.of(book.kinds[order["account"]])
        leg = kind.puts if order["purpose"] == "open_put" else kind.calls
        if session not in _entry_days(session, leg.entry_weekdays):
            found.append(f"{place}: {session:%A} is no entry day")
        expiry = parse(order["instrument"]).expiry
        if not leg.dte_low <= (expiry - session).days <= leg.dte_high:
            found.append(f"{place}: days to expiry")
        if not CALENDAR.open_time(session) <= event.effective_at <= CALENDAR.close_time(session):
            found.append(f"{place}: at {event.effective_at}")
    return found


def rolls_keep_their_rules(events: list[Event], market: MadeMarket) -> list[str]:
    """A put never up, in SAFE a net credit only, a debit within its share of the credit."""
    found = []
    limit = Decimal(str(market.config.rolls.max_debit_share_of_credit))
    for event, book in books(events):
        p = event.payload
        if event.type != "roll.decided" or p["outcome"] != "order":
            continue
        before, after = parse(p["contract"]), parse(p["to"])
        rules = market.config.accounts.of(book.kinds[p["account"]])
        if before.right == "P" and after.strike > before.strike:
            found.append(f"{event.key}: rolled up")
        if p["in_recovery"] and not rules.recovery_calls.enabled:
            found.append(f"{event.key}: recovery is off")
        if book.status(p["account"]) == "SAFE" and Decimal(p["net"]) <= 0:
            found.append(f"{event.key}: a debit in SAFE")
        if -Decimal(p["net"]) * 100 * p["contracts"] > Decimal(p["chain_credit"]) * limit:
            found.append(f"{event.key}: dearer than {limit} of the credit")
    return found


def calls_keep_the_basis(events: list[Event], market: MadeMarket) -> list[str]:
    """No call is sold under the adjusted basis before it, or behind the roll that sells it, but in recovery.

    The basis is the ledger's own, which the tests of the ledger work out by hand.
    """
    found, state = [], BookState()
    for event in events:
        p = event.payload
        sells = event.type in ("roll.decided", "entry.decided") and p["right"] == "C"
        if sells and p["outcome"] == "order" and not p["in_recovery"]:
            account = state.accounts[p["account"]]
            basis = account.adjusted_basis(p["symbol"])
            strike = parse(p.get("to") or p["chosen"]).strike
            assert basis is not None
            if event.type == "roll.decided" and Decimal(p["net"]) < 0:
                paid = -Decimal(p["net"]) * 100 * p["contracts"]
                basis += paid / account.shares_held(p["symbol"])
            if strike < basis:
                found.append(f"{event.key}: {strike} is under the basis {basis}")
        state = apply(state, event)
    return found


def what_asks_is_sent_only_after_a_yes(events: list[Event], market: MadeMarket) -> list[str]:
    """An answer is used once, and nothing that asked a person goes out without it."""
    asked: set[str] = set()
    free: Counter[str] = Counter()
    found = []
    for event in events:
        p = event.payload
        if event.type == "approval.requested":
            asked.add(p["approval"])
        elif event.type == "approval.answered":
            free[p["approval"]] += p["answer"] == "yes"
        elif event.type == "approval.used":
            free[p["approval"]] -= 1
            if free[p["approval"]] < 0:
                found.append(f"{event.key}: used without a yes")
        elif event.type == "order.submitted":
            one = f"order/{p['intent']}"
            if one in asked and f"approval/{one}/used" not in {e.key for e in events}:
                found.append(f"{event.key}: sent without an answer")
    return found


def one_entry_a_week(events: list[Event], market: MadeMarket) -> list[str]:
    entries: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for event in events:
        p = event.payload
        if event.type == "order.filled" and p["purpose"] in ("open_put", "open_call"):
            week = CALENDAR.week_of(event.effective_at.date()).id
            entries[(p["account"], p["symbol"], week)].add(p["intent"])
    return [f"{place}: {len(orders)} entries" for place, orders in entries.items() if len(orders) > 1]


def levels_are_what_prices_say(events: list[Event], market: MadeMarket) -> list[str]:
    """Every option sold has a level; each level is that of the open and then of the quotes' time."""
    found: list[str] = []
    for session, chains, todays in chain_sessions(events, market):
        for event in todays:
            p = event.payload
            if event.type == "order.filled" and p["action"] == "SELL_TO_OPEN" and not p["chain"]:
                found.append(f"{event.key}: sold without a level")
            elif event.type == "order.filled" and p["purpose"] in ("open_put", "open_call"):
                expected = wilder_atr(market, p["symbol"], session)
                if abs(Decimal(p["chain"]["anchor_atr"]) - expected) > Decimal("0.001"):
                    found.append(f"{event.key}: ATR {p['chain']['anchor_atr']}, by hand {expected}")
                now = price_at_quotes(market, p["symbol"], session)
                if Decimal(p["chain"]["anchor_price"]) != now:
                    found.append(f"{event.key}: anchored at {p['chain']['anchor_price']}, not at {now}")
        for name, chain in chains.items():
            if chain.level != chain.said:
                found.append(f"{session} {name}: level {chain.said}, by hand {chain.level}")
    return found


def what_is_due_was_done_or_has_a_reason(events: list[Event], market: MadeMarket) -> list[str]:
    found: list[str] = []
    ended = {e.payload["roll"] for e in events if e.type == "roll.ended"}
    found += [
        f"{e.key}: a roll without an end"
        for e in events
        if e.type == "roll.decided" and e.payload["outcome"] == "order" and e.key not in ended
    ]
    for session, chains, todays in chain_sessions(events, market):
        decided = {(e.payload["chain"], e.payload["contract"]) for e in todays if e.type == "roll.decided"}
        exits = {e.payload["contract"] for e in todays if e.type == "exit.decided"}
        closed = {e.payload["instrument"] for e in todays if e.type == "order.filled"}
        for name, chain in chains.items():
            for contract in +chain.contracts:
                handled = contract in exits or contract in closed
                if chain.level == 2 and not chain.rolled and not handled and (name, contract) not in decided:
                    found.append(f"{session} {contract}: at level 2, and no word of a roll")
                if chain.level == 3 and chain.right == "P" and not handled:
                    found.append(f"{session} {contract}: at level 3, and no word of a close")
    return found


def nothing_is_opened_where_protection_forbids(events: list[Event], market: MadeMarket) -> list[str]:
    """No entry in a symbol at level 2 or in its cool-off, no put on one in a deep drawdown."""
    found: list[str] = []
    deep = _deep_until(events, market)
    cooling: dict[tuple[str, str], date] = {}
    for session, chains, todays in chain_sessions(events, market):
        for event in todays:
            p = event.payload
            if event.type != "order.filled" or p["purpose"] not in ("open_put", "open_call"):
                continue
            place = (p["intent"].split("/")[1], p["symbol"])
            # Profit is taken before entries are made; only at level 3 does what has ended keep its level.
            if any(
                chain.level == 3 or (chain.level == 2 and +left_of(chain, todays, "order.filled"))
                for chain in chains.values()
                if (chain.account, chain.symbol) == place
            ):
                found.append(f"{event.key}: the symbol is at level 2 or 3")
            if session < cooling.get(place, date.min):
                found.append(f"{event.key}: the symbol cools off until {cooling[place]}")
            begun, until = deep.get(p["symbol"], (date.max, date.min))
            if p["purpose"] == "open_put" and begun < session < until:
                found.append(f"{event.key}: a put in a deep drawdown")
        for chain in chains.values():
            if chain.level == 3 and not +left_of(chain, todays):
                cooling[(chain.account, chain.symbol)] = CALENDAR.next_session(session, 5)
    return found


def every_place_has_one_week_type(events: list[Event], market: MadeMarket) -> list[str]:
    def is_week_end(day: date) -> bool:
        return CALENDAR.week_of(day).last == day

    rows = project_week_types(events, is_week_end)
    closed = [date.fromisoformat(e.payload["session"]) for e in events if e.type == "session.closed"]
    weeks = {CALENDAR.week_of(day).id for day in closed if is_week_end(day)}
    kinds = {e.payload["account"]: e.payload["kind"] for e in events if e.type == "account.opened"}
    wanted = {
        (week, account, symbol)
        for week in weeks
        for account, kind in kinds.items()
        for symbol in market.config.accounts.of(kind).tickers
    }
    got = Counter((str(r["week"]), r["account"], r["symbol"]) for r in rows.iter_rows(named=True))
    return [f"{place}: {got[place]} week types" for place in wanted | set(got) if got[place] != 1]


def hedges_are_small_and_never_sold_short(events: list[Event], market: MadeMarket) -> list[str]:
    """Index puts only where the actions say so, for their share of NAV, and never more sold than held."""
    found = []
    rules = market.config.protection.hedge
    for event, book in books(events):
        p = event.payload
        for name, held in book.longs.items():
            found += [f"{event.key}: {name} is short of {c} as a long" for c, n in held.items() if n < 0]
        if event.type == "order.filled" and p["action"] == "BUY_TO_OPEN":
            contract = parse(p["instrument"])
            if (contract.root, contract.right) != (rules.underlying, "P") or not market.config.hedges:
                found.append(f"{event.key}: no hedge")
            nav = book.navs.get(event.payload["account"], market.config.book.lump_sum_usd)
            # NAV at the close before; what a session moves is not known here.
            if Decimal(p["amount"]) > Decimal(str(rules.share_of_nav)) * nav * Decimal("1.3"):
                found.append(f"{event.key}: {p['amount']} of a NAV of {nav}")
    return found


INVARIANTS: tuple[Callable[[list[Event], MadeMarket], list[str]], ...] = (
    puts_are_covered_by_cash,
    calls_are_covered_by_shares,
    postings_balance,
    entries_are_inside_caps,
    orders_are_allowed_by_state_window_and_vix,
    rolls_keep_their_rules,
    calls_keep_the_basis,
    what_asks_is_sent_only_after_a_yes,
    one_entry_a_week,
    levels_are_what_prices_say,
    what_is_due_was_done_or_has_a_reason,
    nothing_is_opened_where_protection_forbids,
    every_place_has_one_week_type,
    hedges_are_small_and_never_sold_short,
)


def violations(events: list[Event], market: MadeMarket) -> list[str]:
    """Every violation of every invariant, each with the invariant's name."""
    return [f"{one.__name__}: {why}" for one in INVARIANTS for why in one(events, market)]


def _entry_days(session: date, weekdays: Iterable[str]) -> set[date]:
    week = CALENDAR.week_of(session)
    days = set()
    for name in weekdays:
        ahead = [day for day in week.sessions if day.weekday() >= DAYS.index(name)]
        days.update(ahead[:1])
    return days


def _deep_until(events: list[Event], market: MadeMarket) -> dict[str, tuple[date, date]]:
    """By symbol the last close far under an open put's strike, and the session that ends what follows."""
    found: dict[str, tuple[date, date]] = {}
    for event, book in books(events):
        if event.type != "session.closed":
            continue
        session = date.fromisoformat(event.payload["session"])
        for account in book.kinds:
            for contract in book.shorts(account):
                day = market.paths[contract.root][session]
                close = Decimal(str(day.close))
                if contract.right == "P" and day.has_bar and close < contract.strike * Decimal("0.85"):
                    found[contract.root] = (session, CALENDAR.next_session(session, 5))
    return found
