"""What can be proved of a journal: ``verify`` asks every invariant and reports every fault at once.

Each invariant is one small function over the same input that returns the faults it found. A chain alone
does not show a cut tail or a rewrite from the start, so the head is also anchored outside the database
(``Anchor``), signed, and both are compared.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from alluse_assets.base.errors import AlluseError
from alluse_assets.journal.chain import Head, RecordedEvent, link
from alluse_assets.ledger.book_state import BookState, apply
from alluse_assets.ledger.chart import POSITION_ACCOUNTS, LedgerAccount
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
    try:
        state = _fold(evidence)
    except (AlluseError, LookupError, ValueError, ArithmeticError) as error:
        return 0, [Fault("positions", 0, f"the events cannot be folded into positions: {error!r}")]
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
    faults = [
        Fault("positions", 0, f"{key}: postings say {posted.get(key)}, lots say {held.get(key)}")
        for key in sorted(posted.keys() | held.keys())
        if posted.get(key, (0, Decimal(0))) != held.get(key, (0, Decimal(0)))
    ]
    return len(posted), faults


def _net_asset_value(evidence: Evidence) -> Found:
    """At each close: recorded cash and receivables are the postings' sums, and NAV adds up from its parts."""
    balances: dict[tuple[str, str], Decimal] = {}
    looked_at, faults = 0, []
    for row in evidence.rows:
        for line in row.event.postings:
            key = (line.account, str(line.ledger_account))
            balances[key] = balances.get(key, Decimal(0)) + line.amount
        if row.event.type != "session.closed":
            continue
        recorded = row.event.payload.get("accounts")
        for name, values in recorded.items() if isinstance(recorded, dict) else ():
            looked_at += 1
            amounts = {k: Decimal(str(v)) for k, v in values.items()} if isinstance(values, dict) else {}
            for part in ("cash", "receivables"):
                if amounts[part] != balances.get((name, part), Decimal(0)):
                    faults.append(Fault("net_asset_value", row.seq, f"{name}: {part} differs from postings"))
            parts = ("cash", "receivables", "shares_value", "short_options_value")
            if amounts["nav"] != sum((amounts[part] for part in parts), Decimal(0)):
                faults.append(Fault("net_asset_value", row.seq, f"{name}: NAV is not the sum of its parts"))
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
    ("double_entry", "The postings of every event sum to zero per currency.", _double_entry),
    ("positions", "Positions and costs from the lots equal those from the postings.", _positions),
    (
        "net_asset_value",
        "At every close cash and receivables are the postings' sums and NAV adds up.",
        _net_asset_value,
    ),
)


def verify(book: str, rows: Sequence[RecordedEvent], anchors: Sequence[Anchor]) -> Report:
    """Ask every check; nothing raises, all faults show at once."""
    evidence = Evidence(book, rows, anchors)
    proofs, faults = [], []
    for check, sentence, function in CHECKS:
        looked_at, found = function(evidence)
        proofs.append(Proof(check, sentence, looked_at, not found))
        faults += found
    return Report(book, rows[-1].head if rows else Head(), tuple(proofs), tuple(faults))
