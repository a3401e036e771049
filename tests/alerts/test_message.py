"""What a person reads: short, with what to do, and nothing cut off in silence."""

from datetime import timedelta

import pytest

from alluse_assets.alerts.delivery import Item, Send
from alluse_assets.alerts.message import age_text, message_of
from tests.alerts.samples import NOON, alert, answered, minutes, raised


def told(alerts, now=NOON, **item):
    items = tuple(Item(name, item.pop("round", 0), 1, "first", NOON, **item) for name in alerts)
    return message_of("live", Send("phone", items), alerts, now)


def test_a_question_shows_the_orders_and_asks():
    order = {"for": "roll", "action": "BUY_TO_CLOSE", "instrument": "AAPL110114P00100000", "quantity": 2}
    script = [{**order, "limit_price": "1.20"}, {**order, "limit_price": None, "why_not": "too_dear"}]
    alerts = raised((alert(priority="CRITICAL", account="GEN-1", script=script, question=True), NOON))
    message = told(alerts, like_it=("a2", "a3"))
    assert message.title == "CRITICAL: live GEN-1 (protocol)"
    assert message.priority == "CRITICAL"
    assert "Orders that are ready: BUY_TO_CLOSE 2 AAPL110114P00100000 at 1.20 USD (roll); BUY" in message.body
    assert "BUY_TO_CLOSE 2 AAPL110114P00100000 (roll): not possible, too dear" in message.body
    assert "A person is asked for a decision." in message.body
    assert "2 more like it were not sent: alluse alerts --book live" in message.body
    assert message.body.splitlines()[-2:] == [
        "You look after it: alluse acknowledge a1 --book live --as YOUR_NAME",
        "It is decided: alluse resolve a1 --book live --as YOUR_NAME --why WHAT_YOU_DID",
    ]


def test_what_only_tells_offers_to_look_after_it():
    message = told(raised((alert(), NOON)))
    assert message.body.endswith("\n\nalluse acknowledge a1 --book live --as YOUR_NAME")


def test_an_order_that_asks_says_how_to_say_yes_and_no_to_exactly_this():
    """A phone that rang for a yes offered only to acknowledge."""
    asked = {"approval": "order/2026-06-03/GEN-1/level_3_close/X", "approval_hash": "3f2a91c0d4e8" + "0" * 52}
    alerts = raised((alert(priority="CRITICAL", account="GEN-1", question=True, **asked), NOON))
    message = told(alerts)
    assert message.title == "CRITICAL: live GEN-1 (needs your answer)"
    assert message.body.splitlines()[-3:] == [
        "Yes: alluse approve order/2026-06-03/GEN-1/level_3_close/X --hash 3f2a91c0d4e8 --book live "
        "--as YOUR_NAME",
        "No: alluse reject order/2026-06-03/GEN-1/level_3_close/X --book live --as YOUR_NAME",
        "Only no more reminders: alluse acknowledge a1 --book live --as YOUR_NAME",
    ]
    calm = told(raised((alert("a2", "MEDIUM", question=True, **asked), NOON))).body
    assert "acknowledge" not in calm, "only a CRITICAL one is repeated"


def test_a_digest_names_an_account_once_and_does_not_cut_until_when():
    text = f"GEN-1: buy {'x' * 200}? Answer until Thu 2026-06-04 16:00 New York; no answer means no."
    alerts = raised((alert("a1", account="GEN-1", symbol="AAPL", text=text), NOON), (alert("a2"), NOON))
    assert f"HIGH Wed 06-03 12:00 {text} (a1)" in told(alerts).body


def test_a_digest_says_how_to_say_yes():
    asked = {"approval": "fork/1", "approval_hash": "ab" * 32}
    alerts = raised((alert("a1", question=True, **asked), NOON), (alert("a2"), NOON))
    assert "(alluse approve fork/1 --hash abababababab --book live)" in told(alerts).body


def test_an_escalation_says_for_how_long_nobody_answered():
    alerts = raised((alert(priority="CRITICAL"), NOON))
    assert told(alerts, NOON + minutes(31), round=1).title.startswith("CRITICAL, unanswered for 31 min: live")


def test_a_title_is_one_line_whatever_is_in_it():
    message = told(raised((alert(account="GEN-1\r\nBcc: x@example.com"), NOON)))
    assert "\n" not in message.title
    assert "\r" not in message.title


def test_a_digest_has_the_most_urgent_first_and_says_what_is_answered():
    alerts = raised((alert("low", "LOW"), NOON), (alert("bad", "CRITICAL", symbol="TSLA"), NOON + minutes(1)))
    alerts = answered(alerts, "low", NOON + minutes(2))
    message = told(alerts)
    assert message.title == "2 alerts of live: 1 CRITICAL, 1 LOW"
    assert message.priority == "CRITICAL"
    assert message.body.splitlines() == [
        "CRITICAL Wed 06-03 12:01 TSLA: bad happened (bad)",
        "LOW Wed 06-03 12:00 low happened [acknowledged by ann] (low)",
        "",
        "alluse alerts --book live",
    ]


def test_a_long_digest_and_a_long_text_are_cut_and_say_so():
    many = raised(*((alert(f"a{n}"), NOON + minutes(n)) for n in range(45)))
    assert "and 5 more" in told(many).body
    message = told(raised((alert(text="x" * 9_000), NOON)))
    assert "x…" in message.body
    assert len(message.body) < 2_000


@pytest.mark.parametrize(
    ("age", "text"),
    [
        (timedelta(seconds=-3), "0 s"),
        (timedelta(seconds=119), "119 s"),
        (minutes(2), "2 min"),
        (minutes(119), "119 min"),
        (minutes(120), "2 h"),
        (timedelta(hours=50), "2 days"),
    ],
)
def test_an_age_is_told_in_the_largest_unit_that_says_it(age, text):
    assert age_text(age) == text
