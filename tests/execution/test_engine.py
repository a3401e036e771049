"""An intent's way through gate, lifecycle and the paper broker, and what of it is in the journal."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from alluse_assets.adapters.paper.orders import PaperBroker
from alluse_assets.base.errors import OrderError
from alluse_assets.execution.broker import BrokerReport
from alluse_assets.execution.engine import OrderEngine
from alluse_assets.execution.fill_model import fill_price
from alluse_assets.execution.lifecycle import OrderState, OrderStep
from alluse_assets.execution.order import client_order_id
from alluse_assets.ledger.chart import LedgerAccount
from alluse_assets.orchestration.replay import SessionRecorder
from tests.execution.scene import ACCOUNT, CLOSES, PUT, Scene, buy_back, buy_shares, quote, sell_put


def test_a_sold_put_is_journalled_step_by_step_and_its_premium_is_a_liability():
    scene = Scene()
    assert scene.engine.place(sell_put(3)) is OrderState.FILLED
    assert scene.types() == [
        "order.created", "order.approved", "order.submitted", "order.accepted", "order.filled"
    ]  # fmt: skip
    assert scene.account.cash == Decimal("100000.00") + Decimal("600.00") - Decimal("1.95")
    assert scene.account.balance(LedgerAccount.SHORT_OPTIONS) == Decimal("-600.00")
    assert scene.account.balance(LedgerAccount.FEES) == Decimal("1.95")
    assert scene.account.shorts[PUT].contracts == 3
    assert scene.recorder.state.orders == {}


def test_every_step_names_the_created_event_as_its_cause():
    scene = Scene()
    scene.engine.place(sell_put())
    created = scene.recorder.events[1]
    assert created.cause == "entry/x"
    assert {event.cause for event in scene.recorder.events[2:]} == {created.key}


def test_the_same_intent_twice_is_one_order():
    scene = Scene()
    scene.engine.place(sell_put())
    before = len(scene.recorder.events)
    assert scene.engine.place(sell_put()) is OrderState.FILLED
    assert len(scene.recorder.events) == before


def test_volume_lets_only_a_part_fill_and_the_rest_expires_with_the_session():
    scene = Scene(quotes={PUT: quote(volume=29)})  # a tenth of 29 is 2
    intent = sell_put(3)
    assert scene.engine.place(intent) is OrderState.PARTIALLY_FILLED
    working = scene.recorder.state.orders[intent.intent_id]
    assert (working.quantity, working.filled, working.reserved) == (3, 2, Decimal("33000.00"))
    scene.engine.end_session(CLOSES)
    assert scene.types()[-2:] == ["order.filled", "order.expired"]
    assert scene.account.shorts[PUT].contracts == 2
    assert scene.recorder.state.orders == {}


def test_a_limit_better_than_the_quote_gives_does_not_fill():
    scene = Scene()
    intent = sell_put(limit="2.01")
    assert scene.engine.place(intent) is OrderState.ACCEPTED
    scene.engine.end_session(CLOSES)
    assert scene.types()[-1] == "order.expired"
    assert scene.account.cash == Decimal("100000.00")


def test_without_a_quote_the_broker_rejects():
    scene = Scene(quotes={})
    assert scene.engine.place(sell_put()) is OrderState.REJECTED
    assert "no quote" in scene.recorder.events[-1].payload["text"]


def test_buying_back_releases_the_premium_and_books_the_gain():
    scene = Scene()
    scene.engine.place(sell_put(2))
    scene.quotes[PUT] = quote(bid="0.50", ask="0.60")
    assert scene.engine.place(buy_back(2, "0.60")) is OrderState.FILLED
    assert scene.account.balance(LedgerAccount.REALISED_GAIN) == Decimal("-280.00")  # a credit
    assert scene.account.balance(LedgerAccount.SHORT_OPTIONS) == 0
    assert scene.account.shorts == {}


def test_shares_trade_at_their_close_for_lack_of_a_spread():
    scene = Scene()
    assert scene.engine.place(buy_shares(100)) is OrderState.FILLED
    assert scene.account.shares_held("AAPL") == 100
    assert scene.account.balance(LedgerAccount.SHARES) == Decimal("33400.00")


def test_a_report_on_an_order_that_does_not_work_is_an_error():
    scene = Scene()
    scene.engine.place(sell_put())
    report = BrokerReport(sell_put().intent_id, OrderStep.FILL, CLOSES, quantity=1, execution_id="x")
    with pytest.raises(OrderError, match="reports on no working order"):
        scene.engine.take_report(sell_put(), report)


def test_nothing_reaches_the_broker_before_the_intent_is_durable():
    scene, seen = Scene(), []

    class Durable(SessionRecorder):
        def barrier(self):
            seen.append([event.type.value for event in self.events][-1])

    class Watched(PaperBroker):
        def submit(self, intent):
            seen.append("network")
            return PaperBroker.submit(self, intent)

    recorder = Durable(scene.recorder.state, scene.recorder.events)
    fields = {name: getattr(scene.broker, name) for name in PaperBroker.__dataclass_fields__}
    fields = {name: value for name, value in fields.items() if not name.startswith("_")}
    OrderEngine(recorder, Watched(**fields), scene.context).place(sell_put())
    assert seen == ["order.submitted", "network"]


def test_the_client_order_id_is_a_pure_function_that_brokers_take():
    one = client_order_id("live", sell_put().intent_id)
    assert one == client_order_id("live", sell_put().intent_id)
    assert len(one) <= 48
    assert len({one, client_order_id("paper", sell_put().intent_id), client_order_id("live", "x")}) == 3
    assert one != client_order_id("live", sell_put().intent_id, version=2)


@pytest.mark.parametrize(
    ("selling", "share", "expected"),
    [(True, 0, "2.00"), (True, 0.5, "2.02"), (True, 1, "2.05"), (False, 0, "2.10"), (False, 0.5, "2.08")],
)
def test_fills_are_at_the_near_side_bettered_and_rounded_against_us(selling, share, expected):
    assert fill_price(quote(), selling, share) == Decimal(expected)


def test_accounts_are_independent():
    scene = Scene()
    scene.engine.place(sell_put())
    assert set(scene.recorder.state.accounts) == {ACCOUNT}


def test_the_gate_decides_again_at_submission_and_what_moved_in_between_stops_the_order():
    scene = Scene()
    asked = []

    def context(intent, state):
        asked.append(len(asked))
        late = CLOSES + timedelta(minutes=1)
        # The clock passes the close between the intent's approval and its submission.
        return replace(scene.context(intent, state), now=CLOSES if len(asked) < 3 else late)

    engine = OrderEngine(scene.recorder, scene.broker, context)
    assert engine.place(sell_put()) is OrderState.DENIED
    assert scene.types() == ["order.created", "order.approved", "order.denied"]
    assert scene.refusals() == ["hours@1"]


def test_a_repeated_intent_is_told_what_became_of_the_first():
    scene = Scene(cash="1000.00")
    assert scene.engine.place(sell_put()) is OrderState.DENIED
    assert scene.engine.place(sell_put()) is OrderState.DENIED
    assert scene.types() == ["order.created", "order.denied"]
