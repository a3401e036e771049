"""The pre-trade gate: each rule lets through at its limit and refuses just beyond it, in the journal."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from alluse_assets.accounts.states import AccountStatus
from alluse_assets.execution.gate import RULES, decide
from alluse_assets.execution.lifecycle import OrderState
from alluse_assets.execution.order import Action
from tests.execution.scene import CALL, CLOSES, OPENS, PUT, Scene, buy_back, buy_shares, quote, sell_put


def refused_rules(scene, intent):
    decision = decide(intent, scene.context(intent, scene.recorder.state))
    return [rule for rule, _ in decision.refused]


def test_a_put_needs_its_whole_strike_in_deployable_cash():
    assert refused_rules(Scene(cash="33000.00"), sell_put()) == []
    assert refused_rules(Scene(cash="32999.99"), sell_put()) == ["capital@1"]


def test_the_buffer_is_never_deployed():
    scene = Scene(cash="40000.00", buffer_share=0.175)  # 33,000 left
    assert refused_rules(scene, sell_put()) == []
    assert refused_rules(Scene(cash="40000.00", buffer_share=0.1751), sell_put()) == ["capital@1"]


def test_collateral_of_open_puts_is_not_spent_twice():
    premium = Decimal("199.35")  # 2.00 x 100 less the fee, which is cash as well
    other = sell_put(instrument="AAPL110107P00330500")  # needs 33,050
    for cash, refused in ((Decimal(66050) - premium, []), (Decimal("66049.99") - premium, ["capital@1"])):
        scene = Scene(cash=str(cash))
        assert scene.engine.place(sell_put()) is OrderState.FILLED
        assert refused_rules(scene, other) == refused


def test_what_working_orders_reserve_is_not_spent_twice():
    scene = Scene(cash="66000.00", quotes={PUT: quote(volume=0)})
    assert scene.engine.place(sell_put()) is OrderState.ACCEPTED  # no volume: it works
    assert refused_rules(scene, sell_put(instrument="AAPL110107P00330500")) == ["capital@1"]
    assert refused_rules(scene, sell_put(instrument="AAPL110107P00330000", purpose="other")) == [
        "duplicate@1"
    ]


def test_shares_are_bought_only_with_cash_for_price_and_fee():
    assert refused_rules(Scene(cash="33465.00"), buy_shares()) == []
    assert refused_rules(Scene(cash="33464.99"), buy_shares()) == ["capital@1"]


def test_a_call_is_sold_only_on_shares_that_no_other_call_binds():
    scene = Scene()
    call = sell_put(instrument=CALL, limit="1.50", purpose="open_call")
    assert refused_rules(scene, call) == ["covered@1"]
    scene.engine.place(buy_shares(199))
    assert refused_rules(scene, call) == []
    assert refused_rules(scene, replace(call, quantity=2)) == ["covered@1"]
    assert scene.engine.place(call) is OrderState.FILLED
    other = replace(call, instrument="AAPL110107C00345000")
    assert refused_rules(scene, other) == ["covered@1"]


def test_a_working_call_binds_shares_though_its_root_is_not_the_ticker():
    call = sell_put(instrument="BRKB110107C00345000", limit="1.50", purpose="open_call")
    call = replace(call, symbol="BRK.B")
    thin = quote(call.instrument, "1.50", "1.60", volume=0)
    scene = Scene(quotes={call.instrument: thin}, closes={"BRK.B": Decimal("334.00")})
    assert scene.engine.place(buy_shares(symbol="BRK.B")) is OrderState.FILLED
    assert refused_rules(scene, call) == []
    assert scene.engine.place(call) is OrderState.ACCEPTED  # no volume: it works
    other = replace(call, instrument="BRKB110107C00350000")
    assert refused_rules(scene, other) == ["covered@1"]


def test_no_more_is_bought_back_than_is_open():
    scene = Scene()
    assert refused_rules(scene, buy_back()) == ["closing@1"]
    scene.engine.place(sell_put(2))
    assert refused_rules(scene, buy_back(2)) == []
    assert refused_rules(scene, buy_back(3)) == ["closing@1"]


def test_orders_go_out_only_while_the_market_is_open():
    scene = Scene()
    for at in (OPENS, CLOSES):
        assert refused_rules(scene, replace(sell_put(), decided_at=at)) == []
    tick = timedelta(microseconds=1)
    for at in (OPENS - tick, CLOSES + tick):
        assert refused_rules(scene, replace(sell_put(), decided_at=at)) == ["hours@1"]


def test_quantity_price_and_life_must_be_positive():
    scene = Scene()
    assert refused_rules(scene, sell_put(0)) == ["well-formed@1"]
    assert refused_rules(scene, sell_put(limit="0")) == ["well-formed@1"]
    ended = sell_put(instrument="AAPL110106P00330000")  # its life ends at the decision's very instant
    assert refused_rules(scene, ended) == ["well-formed@1"]


def test_an_unknown_account_is_refused_before_anything_else_looks():
    scene = Scene()
    assert refused_rules(scene, replace(sell_put(), account="NOPE")) == ["account@1"]


def test_a_refusal_is_in_the_journal_with_every_rule_s_words():
    scene = Scene(cash="1000.00")
    late = replace(sell_put(), decided_at=CLOSES + timedelta(minutes=1))
    assert scene.engine.place(late) is OrderState.DENIED
    assert scene.types() == ["order.created", "order.denied"]
    gate = scene.recorder.events[-1].payload["gate"]
    assert [r["rule"] for r in gate["refused"]] == ["capital@1", "hours@1"]
    assert gate["refused"][0]["why"] == ("needs 33000 USD of deployable cash, the account has 1000.00")
    assert scene.account.cash == Decimal("1000.00")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_every_rule_has_an_id_a_version_and_a_plain_sentence(rule):
    assert rule.id
    assert rule.version >= 1
    assert rule.sentence.endswith(".")
    assert len(rule.sentence.split()) >= 5


def test_a_buy_back_needs_cash_for_price_and_fee():
    scene = Scene(cash="33000.00")
    scene.engine.place(sell_put())  # 33,199.35 in cash now
    assert refused_rules(scene, buy_back(limit="331.98")) == []  # 33,198.00 and 0.65
    assert refused_rules(scene, buy_back(limit="331.99")) == ["capital@1"]


def test_a_call_is_bought_back_only_with_cash_that_covers_no_put():
    """Closing calls that were far in the money could once have left short puts without their cash."""
    scene = Scene(cash="66900.00")
    scene.engine.place(buy_shares())
    scene.engine.place(sell_put(instrument=CALL, limit="1.50", purpose="open_call"))
    scene.engine.place(sell_put())
    assert scene.account.cash - scene.account.put_collateral(100) == Decimal("848.70")
    assert refused_rules(scene, buy_back(instrument=CALL, limit="8.48")) == []  # 848.00 and 0.65
    assert refused_rules(scene, buy_back(instrument=CALL, limit="8.49")) == ["capital@1"]
    assert refused_rules(scene, buy_back(limit="330.00")) == []  # a put brings its own cash


def test_a_put_is_bought_back_over_its_strike_only_with_cash_that_covers_no_other_put():
    other = "AAPL110107P00320000"
    scene = Scene(cash="65000.00", quotes={PUT: quote(), other: quote(other)})
    scene.engine.place(sell_put())
    scene.engine.place(sell_put(instrument=other))
    assert scene.account.cash - Decimal(32000) == Decimal("33398.70")  # what 33,000 of this put's own is in
    assert refused_rules(scene, buy_back(limit="333.98")) == []  # 33,398.00 and 0.65
    assert refused_rules(scene, buy_back(limit="333.99")) == ["capital@1"]


def test_the_rest_of_a_put_that_is_bought_back_in_part_keeps_its_cash():
    scene = Scene(cash="66000.00")
    scene.engine.place(sell_put(2))  # 66,398.70 in cash now
    assert refused_rules(scene, buy_back(limit="333.98")) == []
    assert refused_rules(scene, buy_back(limit="333.99")) == ["capital@1"]


def test_a_buy_back_leaves_what_other_orders_at_work_need():
    thin, other = quote(volume=0), "AAPL110107P00320000"
    scene = Scene(cash="66000.00", quotes={PUT: quote(), other: quote(other, volume=0)})
    scene.engine.place(sell_put())  # 66,199.35 in cash now
    assert refused_rules(scene, buy_back(limit="661.98")) == []
    assert scene.engine.place(sell_put(instrument=other)) is OrderState.ACCEPTED
    assert refused_rules(scene, buy_back(limit="341.98")) == []
    assert refused_rules(scene, buy_back(limit="342.00")) == ["capital@1"]
    scene = Scene(cash="66000.00")
    scene.engine.place(sell_put(2))
    scene.quotes[PUT] = thin
    assert scene.engine.place(buy_back(limit="333.00")) is OrderState.ACCEPTED  # 300 over its strike
    assert refused_rules(scene, buy_back(limit="330.98", purpose="other"))[:1] == ["duplicate@1"]
    assert refused_rules(scene, buy_back(limit="330.99", purpose="other"))[:1] == ["capital@1"]


def with_context(scene, intent, **facts):
    context = replace(scene.context(intent, scene.recorder.state), **facts)
    return [rule for rule, _ in decide(intent, context).refused]


def test_protection_refuses_what_opens_a_short_option_and_nothing_else():
    scene = Scene(cash="200000.00", quotes={PUT: quote()})
    scene.engine.place(sell_put())
    facts = {"no_entry": "symbol_level_2"}
    other = sell_put(instrument="AAPL110107P00325000")
    assert with_context(scene, other) == []
    assert with_context(scene, other, **facts) == ["protection@1"]
    assert with_context(scene, buy_back(), **facts) == []
    assert with_context(scene, replace(other, purpose="roll_open"), **facts) == []
    hedge = replace(other, action=Action.BUY_TO_OPEN, purpose="hedge")
    assert with_context(scene, hedge, **facts) == []


def test_an_entry_may_spend_its_share_of_deployable_only():
    scene = Scene(cash="66000.00")
    half = {"deployable_share": Decimal("0.5")}
    assert with_context(scene, sell_put(), **half) == []  # 33,000
    assert with_context(Scene(cash="65999.98"), sell_put(), **half) == ["capital@1"]
    assert with_context(Scene(cash="33000.00"), sell_put(purpose="roll_open"), **half) == []


@pytest.mark.parametrize(("net", "refused"), [("0.01", []), ("0", ["state@1"]), (None, ["state@1"])])
def test_in_safe_a_roll_sells_again_for_a_net_credit_only(net, refused):
    sale = sell_put(purpose="roll_open", evidence={} if net is None else {"net": net})
    safe = {"status": AccountStatus.SAFE}
    assert with_context(Scene(), sale, **safe) == refused
    assert with_context(Scene(), replace(sale, purpose="open_put"), **safe) == ["state@1"]
    assert with_context(Scene(), sale, status=AccountStatus.PAUSED) == []


def test_working_calls_of_another_ticker_bind_no_shares_of_this_one():
    other = "IBM110107C00150000"
    scene = Scene(cash="200000.00", quotes={CALL: quote(CALL, volume=0), other: quote(other, volume=0)})
    scene.closes["IBM"] = Decimal("150.00")
    scene.engine.place(buy_shares(100))
    scene.engine.place(buy_shares(100, limit="150.00", symbol="IBM"))
    call = sell_put(instrument=CALL, limit="2.00", purpose="open_call")
    ibm = sell_put(instrument=other, limit="2.00", purpose="open_call", symbol="IBM")
    assert scene.engine.place(ibm) is OrderState.ACCEPTED
    assert refused_rules(scene, call) == []
    assert scene.engine.place(call) is OrderState.ACCEPTED
    assert refused_rules(scene, replace(call, instrument="AAPL110107C00345000")) == ["covered@1"]


def test_on_an_early_close_an_expiring_option_stops_with_the_session():
    scene = Scene()
    expiring = sell_put(instrument="AAPL110106P00330000")
    early = CLOSES - timedelta(hours=3)
    for at, refused in ((early - timedelta(seconds=1), []), (early, ["well-formed@1"])):
        context = replace(scene.context(expiring, scene.recorder.state), now=at, ends_at=early)
        assert [rule for rule, _ in decide(expiring, context).refused] == refused
