"""A small market and book for tests of orders: one account, one session, the real engine and paper broker."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal

from alluse_assets.adapters.paper.orders import PaperBroker
from alluse_assets.base.config.model_protocol import ProtocolConfig
from alluse_assets.base.events import Event
from alluse_assets.execution.approval_alerts import with_alert
from alluse_assets.execution.approvals import Asking, answer, order_approval
from alluse_assets.execution.engine import OrderEngine
from alluse_assets.execution.gate import GateContext
from alluse_assets.execution.order import Action, OrderIntent
from alluse_assets.journal.event_types import EventType
from alluse_assets.ledger.book_fold import apply
from alluse_assets.ledger.book_state import BookState
from alluse_assets.ledger.config_history import ConfigHistory, ConfigVersion
from alluse_assets.ledger.postings import capital_paid_in
from alluse_assets.market_data.quote import Quote
from alluse_assets.orchestration.replay import SessionRecorder

SESSION = date(2011, 1, 6)
OPENS = datetime(2011, 1, 6, 14, 30, tzinfo=UTC)
CLOSES = datetime(2011, 1, 6, 21, 0, tzinfo=UTC)
PUT = "AAPL110107P00330000"
CALL = "AAPL110107C00340000"
CONFIG = ProtocolConfig()
ACCOUNT = "GEN-1"


def quote(instrument=PUT, bid="2.00", ask="2.10", volume=None):
    return Quote(instrument, CLOSES, Decimal(bid), Decimal(ask), volume)


def book_under(fingerprint):
    """A book without accounts whose configuration in force has this fingerprint."""
    version = ConfigVersion(1, {}, fingerprint, "rule:test", "opened", OPENS, None)
    return BookState(config_history=ConfigHistory((version,)))


@dataclass
class Scene:
    """``cash`` USD in one account; ``quotes`` and ``closes`` are what the paper broker sees."""

    cash: str = "100000.00"
    quotes: dict = field(default_factory=lambda: {PUT: quote(), CALL: quote(CALL, "1.50", "1.60")})
    closes: dict = field(default_factory=lambda: {"AAPL": Decimal("334.00")})
    buffer_share: float = 0.0
    asking: Asking = field(default_factory=Asking)

    def __post_init__(self):
        opened = Event(
            EventType.ACCOUNT_OPENED,
            OPENS,
            "rule:test",
            f"account/{ACCOUNT}",
            {"account": ACCOUNT, "kind": "gen", "capital": self.cash},
            capital_paid_in(ACCOUNT, Decimal(self.cash)),
        )
        self.recorder = SessionRecorder(apply(book_under("f"), opened), [opened])
        self.broker = PaperBroker(
            CONFIG.paper,
            self.quotes,
            self.closes,
            CLOSES,
            CONFIG.assignment_threshold_usd,
            lambda s: s == "SPX",
        )
        self.engine = OrderEngine(self.recorder, self.broker, self.context, asking=self.asking)

    def context(self, intent, state):
        return GateContext(
            state=state,
            now=intent.decided_at,
            ends_at=CLOSES,
            opens_at=OPENS,
            closes_at=CLOSES,
            nav=Decimal(self.cash),
            buffer_share=self.buffer_share,
            multiplier=100,
            expected_fee=Decimal("0.65") * intent.quantity,
        )

    @property
    def account(self):
        return self.recorder.state.accounts[ACCOUNT]

    def types(self):
        return [event.type.value for event in self.recorder.events[1:]]

    def answer(self, intent, yes=True, by="Ann", at=CLOSES, why="", book_kind="live"):
        """What a person says about an order, or the roll whose leg it is, as the command would write it."""
        approvals = self.recorder.state.approvals
        name = intent.parent if intent.parent in approvals else order_approval(intent.intent_id)
        given = approvals[name].hash
        event = answer(approvals, name, given, by, yes, at, book_kind, self.asking.rules, why)
        for one in with_alert(approvals[name], event):
            self.recorder.record(one)

    def refusals(self):
        denied = [event for event in self.recorder.events if event.type == EventType.ORDER_DENIED]
        return [refusal["rule"] for event in denied for refusal in event.payload["gate"]["refused"]]


def sell_put(quantity=1, limit="2.00", instrument=PUT, **changes):
    return intent(Action.SELL_TO_OPEN, instrument, quantity, limit, **changes)


def buy_back(quantity=1, limit="2.10", instrument=PUT, **changes):
    return intent(Action.BUY_TO_CLOSE, instrument, quantity, limit, **{"purpose": "take_profit", **changes})


def buy_shares(quantity=100, limit="334.00", symbol="AAPL", **changes):
    return intent(
        Action.BUY, symbol, quantity, limit, **{"purpose": "first_purchase", "symbol": symbol, **changes}
    )


def intent(action, instrument, quantity, limit, **changes):
    fields = {
        "account": ACCOUNT,
        "instrument": instrument,
        "symbol": "AAPL",
        "action": action,
        "quantity": quantity,
        "limit_price": Decimal(limit),
        "purpose": "open_put",
        "session": SESSION,
        "decided_at": CLOSES,
        "cause": "entry/x",
        "config_fingerprint": "f",
    }
    return OrderIntent(**{**fields, **changes})
