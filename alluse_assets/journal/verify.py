"""What can be proved of a journal: ``verify`` asks every invariant and reports every fault at once.

Each invariant is one small function over the same input that returns the faults it found. A chain alone
does not show a cut tail or a rewrite from the start, so the head is also anchored outside the database
(``Anchor``), signed, and both are compared.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from alluse_assets.accounts.config_in_force import CONFIG_EVENTS
from alluse_assets.accounts.deployable import valuation
from alluse_assets.base.errors import AlluseError
from alluse_assets.base.money import text
from alluse_assets.journal.canonical import canonical_payload
from alluse_assets.journal.chain import Head, RecordedEvent, link
from alluse_assets.journal.event_types import EventType
from alluse_assets.ledger.book_fold import apply
from alluse_assets.ledger.book_state import BookState
from alluse_assets.ledger.chart import POSITION_ACCOUNTS, LedgerAccount
from alluse_assets.ledger.config_history import value_in
from alluse_assets.ledger.last_prices import prices_after
from alluse_assets.ledger.lots import cost, quantity


@dataclass(frozen=True, slots=True)
class Anchor:
    """A head that was signed outside the database. ``genuine``: whether its signature holds."""

    seq: int
    hash: bytes
    seal: bytes
    genuine: bool


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, and at which event (0: the journal as a whole)."""

    check: str
    seq: int
    message: str


@dataclass(frozen=True, slots=True)
class Proof:
    """What one check looked at and whether it held."""

    check: str
    sentence: str
    looked_at: int
    holds: bool


@dataclass(frozen=True, slots=True)
class Report:
    """All proofs and all faults of one book."""

    book: str
    head: Head
    proofs: tuple[Proof, ...]
    faults: tuple[Fault, ...]

    @property
    def holds(self) -> bool:
        """Whether everything was proved."""
        return not self.faults


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the checks read."""

    book: str
    rows: Sequence[RecordedEvent]
    anchors: Sequence[Anchor]
    stored_postings: int | None = None
    """Postings that the store has under the book's name; None where nobody counted."""


Found = tuple[int, list[Fault]]


def _sequence(evidence: Evidence) -> Found:
    faults = [
        Fault("sequence", row.seq, f"event {row.seq} stands where {expected} should")
        for expected, row in enumerate(evidence.rows, start=1)
        if row.seq != expected
    ]
    return len(evidence.rows), faults[:1]


def _keys(evidence: Evidence) -> Found:
    seen: set[str] = set()
    faults = []
    for row in evidence.rows:
        if row.event.key in seen:
            faults.append(Fault("keys", row.seq, f"key {row.event.key} was used before"))
        seen.add(row.event.key)
    return len(seen), faults


def _chain(evidence: Evidence) -> Found:
    head, faults = Head(), []
    for row in evidence.rows:
        try:
            again = link(evidence.book, head, row.event, row.recorded_at)
        except (AlluseError, ValueError) as error:
            faults.append(Fault("chain", row.seq, f"cannot be hashed: {error}"))
            head = row.head
            continue
        if row.prev_hash != head.hash:
            faults.append(Fault("chain", row.seq, "does not continue the event before it"))
        elif row.hash != again.hash:
            faults.append(Fault("chain", row.seq, "content does not match its hash"))
        elif row.stored_payload is not None and row.stored_payload != canonical_payload(row.event.payload):
            faults.append(Fault("chain", row.seq, "the stored text is not the canonical one that was hashed"))
        elif row.seal != again.seal:
            faults.append(Fault("chain", row.seq, "book or recording time do not match the seal"))
        head = row.head
    return len(evidence.rows), faults


def _anchors(evidence: Evidence) -> Found:
    by_seq = {row.seq: row for row in evidence.rows}
    faults = []
    for anchor in evidence.anchors:
        row = by_seq.get(anchor.seq)
        if not anchor.genuine:
            faults.append(Fault("anchors", anchor.seq, "the anchor's signature does not hold"))
        elif row is None:
            faults.append(Fault("anchors", anchor.seq, "anchored, but the journal ends before it"))
        elif (row.hash, row.seal) != (anchor.hash, anchor.seal):
            faults.append(Fault("anchors", anchor.seq, "differs from what was anchored: rewritten since"))
    if evidence.rows and not evidence.anchors:
        faults.append(Fault("anchors", 0, "no anchor of this book is left"))
    return len(evidence.anchors), faults


def _double_entry(evidence: Evidence) -> Found:
    looked_at, faults = 0, []
    listed = sum(len(row.event.postings) for row in evidence.rows)
    if evidence.stored_postings is not None and evidence.stored_postings != listed:
        strays = evidence.stored_postings - listed
        faults.append(Fault("double_entry", 0, f"{strays} postings belong to no event"))
    for row in evidence.rows:
        totals: dict[str, Decimal] = {}
        for posting in row.event.postings:
            totals[posting.currency] = totals.get(posting.currency, Decimal(0)) + posting.amount
        looked_at += len(row.event.postings)
        faults += [
            Fault("double_entry", row.seq, f"postings sum to {total} {currency}, not zero")
            for currency, total in totals.items()
            if total
        ]
    return looked_at, faults


def _positions(evidence: Evidence) -> Found:
    """Lots folded from the events against quantities and costs summed from the postings."""
    state = _fold(evidence)
    posted: dict[tuple[str, str, str], tuple[int, Decimal]] = {}
    for row in evidence.rows:
        for line in row.event.postings:
            if line.instrument is not None and line.ledger_account in POSITION_ACCOUNTS:
                key = (line.account, str(line.ledger_account), line.instrument)
                units, amount = posted.get(key, (0, Decimal(0)))
                posted[key] = (units + line.quantity, amount + line.amount)
    held: dict[tuple[str, str, str], tuple[int, Decimal]] = {}
    for name, account in state.accounts.items():
        for symbol, lots in account.shares.items():
            held[(name, LedgerAccount.SHARES.value, symbol)] = (quantity(lots), cost(lots))
        for symbol, short in account.shorts.items():
            key = (name, LedgerAccount.SHORT_OPTIONS.value, symbol)
            held[key] = (-short.contracts, -cost(short.lots))
        for symbol, long in account.longs.items():
            held[(name, LedgerAccount.LONG_OPTIONS.value, symbol)] = (long.contracts, cost(long.lots))
    faults = [
        Fault("positions", 0, f"{key}: postings say {posted.get(key)}, lots say {held.get(key)}")
        for key in sorted(posted.keys() | held.keys())
        if posted.get(key, (0, Decimal(0))) != held.get(key, (0, Decimal(0)))
    ]
    return len(posted), faults


def _net_asset_value(evidence: Evidence) -> Found:
    """Every account's values at every close, computed anew from lots, closing prices and marks."""
    state, looked_at, faults = BookState(), 0, []
    for row in evidence.rows:
        state = apply(state, row.event)
        if row.event.type != EventType.SESSION_CLOSED:
            continue
        payload: Any = row.event.payload
        multiplier = state.opened["config"]["multiplier"]
        closes = {symbol: last.price for symbol, last in prices_after(payload).items()}
        marks = {symbol: Decimal(mark["price"]) for symbol, mark in payload["marks"].items()}
        for name, account in state.accounts.items():
            looked_at += 1
            recorded = payload["accounts"].get(name)
            expected = {
                part: text(amount) for part, amount in valuation(account, closes, marks, multiplier).items()
            }
            if recorded != expected:
                message = f"{name}: recorded {recorded}, but positions and prices give {expected}"
                faults.append(Fault("net_asset_value", row.seq, message))
    return looked_at, faults


def _configuration(evidence: Evidence) -> Found:
    """Versions numbered without a gap, each starting from the values before it; orders naming real ones."""
    state, looked_at, faults = BookState(), 0, []
    for row in evidence.rows:
        payload: Any = row.event.payload
        history = state.config_history
        if row.event.type == EventType.CONFIG_CHANGED:
            looked_at += 1
            if payload["version"] != state.config_version + 1:
                message = f"version {payload['version']} follows version {state.config_version}"
                faults.append(Fault("configuration", row.seq, message))
            for change in payload["changes"]:
                # A setting that came with a later release is in no earlier form: it had its default.
                before = value_in(history.versions[-1].form, change["path"], missing=change["before"])
                if before != change["before"]:
                    message = f"{change['path']} was {before}, not {change['before']} as it says"
                    faults.append(Fault("configuration", row.seq, message))
        elif row.event.type == EventType.ORDER_CREATED and "config_version" in payload:
            looked_at += 1
            named = [v.fingerprint for v in history.versions if v.number == payload["config_version"]]
            if named != [payload["config"]]:
                message = (
                    f"order {payload['intent']} names version {payload['config_version']} with a fingerprint "
                    "that it does not have"
                )
                faults.append(Fault("configuration", row.seq, message))
        if row.event.type in CONFIG_EVENTS:
            state = apply(state, row.event)
    return looked_at, faults


def _fold(evidence: Evidence) -> BookState:
    state = BookState()
    for row in evidence.rows:
        state = apply(state, row.event)
    return state


CHECKS: tuple[tuple[str, str, Callable[[Evidence], Found]], ...] = (
    ("sequence", "Sequence numbers run from 1 without a gap.", _sequence),
    ("keys", "No idempotency key is used twice.", _keys),
    ("chain", "Every event, its postings, book and recording time match their chained hashes.", _chain),
    ("anchors", "Every head that was signed outside the database is still in the journal.", _anchors),
    (
        "double_entry",
        "The postings of every event sum to zero per currency, and every posting has its event.",
        _double_entry,
    ),
    ("positions", "Positions and costs from the lots equal those from the postings.", _positions),
    (
        "net_asset_value",
        "At every close every account's cash, positions and NAV follow from its events, closes and marks.",
        _net_asset_value,
    ),
    (
        "configuration",
        "Every configuration version follows from the one before it, and every order names a real one.",
        _configuration,
    ),
)


def verify(
    book: str,
    rows: Sequence[RecordedEvent],
    anchors: Sequence[Anchor],
    stored_postings: int | None = None,
) -> Report:
    """Ask every check; nothing raises, all faults show at once."""
    evidence = Evidence(book, rows, anchors, stored_postings)
    proofs, faults = [], []
    for check, sentence, function in CHECKS:
        try:
            looked_at, found = function(evidence)
        except (AlluseError, LookupError, ValueError, TypeError, AttributeError, ArithmeticError) as error:
            # A journal that was tampered with can have any shape; the other checks must still speak.
            looked_at, found = 0, [Fault(check, 0, f"the events cannot be read for this: {error!r}")]
        proofs.append(Proof(check, sentence, looked_at, not found))
        faults += found
    return Report(book, rows[-1].head if rows else Head(), tuple(proofs), tuple(faults))
