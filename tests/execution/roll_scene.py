"""A book whose roll has been decided, and what a step of its session does with it."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from alluse_assets.base.config.model_people import AlertRules, ApprovalRules
from alluse_assets.base.events import Event
from alluse_assets.execution.approvals import Asking
from alluse_assets.execution.engine import OrderEngine
from alluse_assets.execution.order import ChainStart
from alluse_assets.execution.rolling import continue_rolls, ended_rolls
from alluse_assets.journal.event_types import EventType
from tests.execution.scene import CONFIG, OPENS, PUT, SESSION, Scene, book_under, buy_back, quote, sell_put

LATER_PUT = "AAPL110114P00325000"
AT = OPENS + timedelta(minutes=40)
KEY = f"roll/{SESSION}/c/{PUT}"
FROM_CHAIN = {"chain": ChainStart("c", "P", Decimal(340), Decimal(5), None)}
LEGGED = CONFIG.paper.model_copy(update={"combined_rolls": False})
BOTH_WAYS = pytest.mark.parametrize("combined", [True, False], ids=["combined", "legged"])


def rolling(mode, policy=None, combined=True, contracts=1, **rules):
    """A scene with a put of chain c, whose roll has been decided, and the two legs."""
    book = Scene(quotes={PUT: quote(), LATER_PUT: quote(LATER_PUT, "3.00", "3.10")})
    book.engine.place(sell_put(contracts, decided_at=AT, **FROM_CHAIN))
    book.asking = Asking(ApprovalRules(mode=mode, **rules), AlertRules(), None, policy)
    if not combined:
        book.broker.rules = LEGGED
    book.engine = engine(book)
    return (book, *decided(book, contracts))


def decided(book, contracts=1, key=KEY, contract=PUT):
    payload = {
        "session": SESSION.isoformat(), "account": "GEN-1", "chain": "c", "symbol": "AAPL",
        "contract": contract, "cause": "level", "level": 0, "outcome": "order", "to": LATER_PUT,
        "cost_to_close": "2.10", "limit_price": "3.00", "net": "0.90", "in_recovery": False,
        "contracts": contracts,
    }  # fmt: skip
    book.recorder.record(Event(EventType.ROLL_DECIDED, AT, "rule:roll", key, payload))
    legs = {"decided_at": AT, "cause": key, "parent": key, "evidence": {"net": "0.90", "in_recovery": False}}
    close = buy_back(contracts, instrument=contract, purpose="roll_close", **legs, **FROM_CHAIN)
    sale = sell_put(contracts, "3.00", LATER_PUT, purpose="roll_open", **legs, **FROM_CHAIN)
    return close, sale


def engine(book, recorder=None, broker=None, context=None):
    """The engine of another process, or of another look."""
    parts = (recorder or book.recorder, broker or book.broker, context or book.context)
    return OrderEngine(*parts, asking=book.asking)


def look(book, at=AT, **parts):
    """What a step of the session does with what waits."""
    now = engine(book, **parts)
    now.resume(at)
    continue_rolls(now, at)


def types(book):
    return [event.type.value for event in book.recorder.events]


def sent(events):
    return [e.payload["intent"].split("/")[2] for e in events if e.type == "order.submitted"]


def requests(events):
    return [e.payload for e in events if e.type == "approval.requested"]


def ended(book, at=AT):
    (one,) = ended_rolls(book.recorder.state, at)
    return one.payload["state"], one.payload.get("why", "")


def under(book, fingerprint):
    """The book with another configuration in force."""
    history = book_under(fingerprint).config_history
    book.recorder.state = replace(book.recorder.state, config_history=history)
