"""A paper book in real time, over a source that takes its time and sometimes fails."""

from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC

import pytest

from alluse_assets.adapters.lake import Lake
from alluse_assets.base.config.config_manager import with_values
from alluse_assets.base.errors import MissingDataError, SourceError
from alluse_assets.base.events import Event
from alluse_assets.journal.event_types import EventType
from alluse_assets.orchestration.account_holds import hold_accounts
from alluse_assets.orchestration.answering import give_answer
from alluse_assets.orchestration.watching import watch_protocol
from alluse_assets.protection.watchdog import LastLook
from tests.book_maker import InMemoryJournal
from tests.orchestration.live_stage import CALENDAR, CONFIG, MONDAY, WEEK, LiveStage, at, source_fault

TUESDAY, WEDNESDAY = WEEK[1:3]


@pytest.fixture
def stage(hot_store, tmp_path):
    made = LiveStage(Lake(tmp_path / "lake"), hot_store, tmp_path)
    made.warm_up()
    return made


def enter(stage):
    """Monday, from its open to an entered book that is closed in the evening."""
    stage.walk(at(MONDAY, 9, 30))
    stage.walk(at(MONDAY, 10, 0))
    stage.close(MONDAY)
    assert stage.walk(at(MONDAY, 16, 30)) == [("close", MONDAY)]
    assert stage.book().read().accounts["REV-1"].shorts


def hold(stage, kind, when):
    hold_accounts(stage.store, stage.book().anchors, "paper1", [], kind, "tried", "ann", lambda: when)


def test_quotes_that_are_stamped_after_they_were_asked_for_are_sold_on(stage):
    book = stage.book()
    assert stage.walk(at(MONDAY, 9, 30), book) == [("open", MONDAY)]
    assert stage.walk(at(MONDAY, 10, 0), book) == [("look", MONDAY)]
    assert "open_put" in {purpose for _, purpose, _ in stage.orders()}
    # The step is of the instant at which its quotes were there, not of the one at which they were asked for.
    assert {event.effective_at for event in stage.events("order.filled")} == {at(MONDAY, 10, 0, 3)}


def test_a_look_that_ends_behind_the_close_is_gone(stage):
    stage.walk(at(MONDAY, 9, 30))
    before = stage.events()
    assert stage.walk(at(MONDAY, 16, 0)) == []
    assert stage.events() == before


def test_a_close_that_has_no_bars_yet_is_told_with_its_cause_and_what_is_open_stays_protected(stage):
    enter(stage)
    short = set(stage.book().read().accounts["REV-1"].shorts)
    stage.walk(at(TUESDAY, 9, 30))
    with pytest.raises(MissingDataError, match=f"no bars on {TUESDAY}"):
        stage.walk(at(TUESDAY, 16, 30))
    (alert,) = stage.alerts()
    assert (alert.payload["alert"], alert.payload["type"]) == (f"walk/close/{TUESDAY}", "system")
    assert f"no bars on {TUESDAY}" in alert.payload["text"]

    # The next day falls through all levels: the puts are bought back, and nothing new is opened.
    stage.spot = 88.0
    for minute in (0, 1):
        with pytest.raises(MissingDataError):
            stage.walk(at(WEDNESDAY, 10, minute))
    orders = [
        event.payload for event in stage.events("order.created") if event.payload["session"] == "2024-06-05"
    ]
    assert {order["purpose"] for order in orders} == {"level_3_close"}
    assert short <= {order["instrument"] for order in orders}
    assert not stage.book().read().accounts["REV-1"].shorts
    assert stage.book().read().last_opened == TUESDAY
    assert [a.payload["alert"] for a in stage.alerts() if a.payload["alert"].startswith("walk/")] == [
        f"walk/close/{TUESDAY}"
    ]


def test_a_close_that_is_made_up_for_leaves_the_next_session_s_decisions_as_they_are(stage):
    enter(stage)
    stage.walk(at(TUESDAY, 9, 30))
    stage.spot, stage.volatility = 88.0, 0.9
    with pytest.raises(MissingDataError):
        stage.walk(at(WEDNESDAY, 10, 0))
    guarded = dict(stage.book().read().decided_in_session)
    assert guarded
    orders = stage.orders()
    stage.close(TUESDAY, spot=99.0)
    assert stage.walk(at(WEDNESDAY, 10, 15)) == [
        ("close", TUESDAY),
        ("open", WEDNESDAY),
        ("look", WEDNESDAY),
    ]
    assert guarded.items() <= stage.book().read().decided_in_session.items()
    assert stage.orders()[: len(orders)] == orders
    assert len({event.key for event in stage.events()}) == len(stage.events())
    stage.close(WEDNESDAY)
    assert stage.walk(at(WEDNESDAY, 16, 30)) == [("close", WEDNESDAY)]
    assert stage.book().read().decided_in_session == {}


def test_an_order_of_a_session_whose_close_waits_does_not_stand_in_the_way_of_the_next_one_s(stage):
    enter(stage)
    stage.walk(at(TUESDAY, 9, 30))
    stage.spot, stage.volume = 91.0, 1
    stage.walk(at(TUESDAY, 10, 0))
    (working,) = [o for o in stage.book().read().orders.values() if o.account == "REV-1"]
    assert (working.state, working.action) == ("ACCEPTED", "BUY_TO_CLOSE")
    # The next day it is dearer still.
    stage.spot, stage.volume = 86.0, 0
    with pytest.raises(MissingDataError):
        stage.walk(at(WEDNESDAY, 10, 0))
    (ended,) = [e for e in stage.events("order.expired") if e.payload["intent"] == working.intent_id]
    assert ended.effective_at == at(TUESDAY, 16, 0)
    assert not stage.book().read().accounts["REV-1"].shorts
    stage.close(TUESDAY, spot=91.0)
    stage.walk(at(WEDNESDAY, 10, 1))
    assert len({event.key for event in stage.events()}) == len(stage.events())


def test_what_expired_in_a_session_whose_close_waits_is_left_alone_until_its_close_says_how(stage):
    enter(stage)
    friday = WEEK[-1]
    for day in WEEK[1:-1]:
        stage.walk(at(day, 9, 30))
        stage.close(day)
        stage.walk(at(day, 16, 30))
    stage.walk(at(friday, 9, 30))
    (short,) = stage.book().read().accounts["REV-1"].shorts
    assert short.startswith("AAPL240607")
    stage.spot = 80.0
    next_monday = CALENDAR.next_session(friday)
    with pytest.raises(MissingDataError):
        stage.walk(at(next_monday, 10, 0))
    orders = {
        e.payload["instrument"] for e in stage.events("order.created") if e.effective_at > at(friday, 9, 0)
    }
    assert short not in orders
    assert short not in {e.payload.get("contract") for e in stage.events("exit.decided")}
    rev = [e for e in stage.events("protection.level_changed") if e.payload["account"] == "REV-1"]
    assert rev == []
    stage.close(friday, spot=100.0)
    stage.walk(at(next_monday, 10, 1))
    (expired,) = [e for e in stage.events("option.expired") if e.payload["contract"] == short]
    assert expired.effective_at == at(friday, 16, 0)


def test_a_question_of_the_next_session_outlives_a_close_that_is_made_up_for(stage):
    stage.config = with_values(CONFIG, {"approvals.level_3_close": True})
    enter(stage)
    stage.walk(at(TUESDAY, 9, 30))
    stage.spot = 88.0
    with pytest.raises(MissingDataError):
        stage.walk(at(WEDNESDAY, 10, 0))
    asked = {name for name, one in stage.book().read().approvals.items() if one.kind == "order"}
    assert asked
    stage.close(TUESDAY, spot=99.0)
    stage.walk(at(WEDNESDAY, 10, 1))
    assert set(stage.book().read().approvals) == asked
    for name in asked:
        answer(stage, name, True, at(WEDNESDAY, 10, 2))
    stage.walk(at(WEDNESDAY, 10, 3))
    assert {f"order/{e.payload['intent']}" for e in stage.events("order.filled")} >= asked


def test_a_roll_that_was_made_meanwhile_is_held_when_the_close_before_it_is_made_up_for(stage):
    enter(stage)
    (short,) = stage.book().read().accounts["REV-1"].shorts
    stage.walk(at(TUESDAY, 9, 30))
    stage.spot = 94.0
    with pytest.raises(MissingDataError):
        stage.walk(at(WEDNESDAY, 10, 0))
    (rolled,) = stage.book().read().accounts["REV-1"].shorts
    assert rolled != short
    stage.close(TUESDAY, spot=99.0)
    steps = stage.walk(at(WEDNESDAY, 10, 1))
    assert steps[:2] == [("close", TUESDAY), ("open", WEDNESDAY)]
    assert list(stage.book().read().accounts["REV-1"].shorts) == [rolled]
    stage.close(WEDNESDAY)
    assert stage.walk(at(WEDNESDAY, 16, 30)) == [("close", WEDNESDAY)]


def test_a_yes_to_what_a_halt_has_ended_asks_for_no_more_looks(stage):
    first, *_ = asking(stage)
    answer(stage, first, True, at(MONDAY, 10, 16))
    hold(stage, "halted", at(MONDAY, 10, 17))
    assert ("tend", MONDAY) in stage.walk(at(MONDAY, 10, 18))
    assert not stage.events("order.filled")
    assert stage.walk(at(MONDAY, 10, 19)) == []


def test_a_roll_that_is_under_way_goes_on_behind_a_close_that_is_made_up_for(stage):
    enter(stage)
    stage.walk(at(TUESDAY, 9, 30))
    facts = {"outcome": "order", "account": "REV-1", "chain": "c", "contracts": 1}
    for day in (TUESDAY, WEDNESDAY):
        key = f"roll/{day}/c"
        event = Event(EventType.ROLL_DECIDED, at(day, 10, 0).astimezone(UTC), "rule:roll", key, facts)
        stage.book().append([event])
    stage.close(TUESDAY)
    assert stage.walk(at(WEDNESDAY, 9, 29)) == [("close", TUESDAY)]
    assert list(stage.book().read().rolls) == [f"roll/{WEDNESDAY}/c"]


def test_a_look_that_was_missed_is_made_some_minutes_later(stage):
    stage.looks = Looks()
    stage.walk(at(MONDAY, 9, 30))
    stage.walk(at(MONDAY, 9, 45))
    stage.fault = source_fault()
    with pytest.raises(SourceError):
        stage.walk(at(MONDAY, 10, 0))
    stage.fault = None
    assert stage.walk(at(MONDAY, 10, 1)) == []
    assert stage.walk(at(MONDAY, 10, 3)) == [("look", MONDAY)]
    assert stage.walk(at(MONDAY, 10, 4)) == []


def test_a_share_that_split_this_morning_is_not_taken_for_one_that_fell_while_the_open_waits(stage):
    enter(stage)
    stage.walk(at(TUESDAY, 9, 30))
    stage.split(WEDNESDAY, 2.0)
    stage.spot = 50.0
    with pytest.raises(MissingDataError):
        stage.walk(at(WEDNESDAY, 10, 0))
    assert not stage.events("protection.level_changed")
    assert [o for o in stage.events("order.created") if o.payload["session"] == "2024-06-05"] == []


def test_the_watchdog_does_not_say_that_nobody_walks_when_a_step_was_told_to_be_stuck(stage):
    enter(stage)
    stage.walk(at(TUESDAY, 9, 30))
    with pytest.raises(MissingDataError):
        stage.walk(at(TUESDAY, 16, 30))
    found = watch_protocol(stage.book(), at(TUESDAY, 17, 0))
    assert (found.raised, found.late) == (0, True)


class Looks:
    """A ``LookLog`` for one process."""

    def __init__(self):
        self.known = LastLook()

    def looked(self, book, at):
        self.known = replace(self.known, looked_at=at)

    def failed(self, book, at, why):
        self.known = replace(self.known, failed_at=at, why=why)

    def last(self, book):
        return self.known


def test_somebody_is_told_when_looks_fail_while_options_are_open_once_an_outage(stage):
    stage.looks = Looks()
    enter(stage)
    stage.walk(at(TUESDAY, 9, 30))
    stage.walk(at(TUESDAY, 9, 45))
    stage.fault = source_fault("no answer in 30 s")
    for hour, minute in ((10, 0), (10, 15), (10, 30)):
        with pytest.raises(SourceError):
            stage.walk(at(TUESDAY, hour, minute))
    assert watch_protocol(stage.book(), at(TUESDAY, 10, 30)).raised == 0
    assert watch_protocol(stage.book(), at(TUESDAY, 10, 31)).raised == 1
    assert watch_protocol(stage.book(), at(TUESDAY, 10, 33)).raised == 0
    (alert,) = stage.alerts()
    assert alert.payload["alert"] == "watchdog/look/2024-06-04T09:45"
    assert "no answer in 30 s" in alert.payload["text"]

    stage.fault = None
    stage.walk(at(TUESDAY, 10, 45))
    assert watch_protocol(stage.book(), at(TUESDAY, 11, 0)).raised == 0
    # Nobody walks any more: that is another outage, with another cause.
    assert watch_protocol(stage.book(), at(TUESDAY, 11, 31)).raised == 1
    assert "nobody walks" in stage.alerts()[-1].payload["text"]


def test_nobody_is_told_of_missed_looks_where_nothing_is_open(stage):
    stage.looks = Looks()
    stage.walk(at(MONDAY, 9, 30))
    assert watch_protocol(stage.book(), at(MONDAY, 12, 0)).raised == 0


class Watched(InMemoryJournal):
    """A journal that knows whether somebody has the book."""

    def __init__(self):
        super().__init__()
        self.is_taken = False

    @contextmanager
    def lease(self, book, wait_seconds):
        self.is_taken = True
        yield
        self.is_taken = False


def test_a_person_can_take_the_book_while_its_source_is_asked(stage):
    stage.store = Watched()
    taken = []
    look = stage.look

    def slow(config):
        taken.append(stage.store.is_taken)
        look(config)

    stage.look = slow
    stage.bring = lambda config, session: taken.append(stage.store.is_taken)
    stage.walk(at(MONDAY, 9, 30))
    stage.walk(at(MONDAY, 10, 0))
    with pytest.raises(MissingDataError):
        stage.walk(at(MONDAY, 16, 30))
    assert taken == [False, False]


def asking(stage):
    """A book whose every order asks; it has asked at 10:00."""
    stage.config = with_values(CONFIG, {"approvals.mode": "approve"})
    stage.walk(at(MONDAY, 9, 30))
    stage.walk(at(MONDAY, 10, 0))
    return sorted(stage.book().read().approvals)


def answer(stage, approval, yes, when):
    give_answer(
        stage.store, stage.book().anchors, "paper1", approval, "ann", yes, lambda: when.astimezone(UTC)
    )


def test_the_kill_switch_ends_orders_at_once_and_while_the_source_is_silent(stage):
    asked = asking(stage)
    assert asked
    stage.fault = source_fault()
    hold(stage, "halted", at(MONDAY, 10, 1))
    looked = len(stage.looked)
    assert stage.walk(at(MONDAY, 10, 2)) == [("tend", MONDAY)]
    assert len(stage.looked) == looked
    denied = stage.events("order.denied")
    assert len(denied) == len(asked)
    assert stage.book().read().orders == {}
    assert stage.walk(at(MONDAY, 10, 3)) == []


def test_the_kill_switch_does_not_wait_for_a_look_that_is_due_too(stage):
    asking(stage)
    hold(stage, "halted", at(MONDAY, 10, 14))
    working = []
    look = stage.look

    def slow(config):
        working.extend(stage.book().read().orders)
        look(config)

    stage.look = slow
    assert stage.walk(at(MONDAY, 10, 15)) == [("tend", MONDAY), ("look", MONDAY)]
    assert working == []


def test_a_look_that_the_source_fails_still_ends_what_needs_no_market_and_says_why(stage):
    asked = asking(stage)
    stage.fault = source_fault("no answer in 30 s")
    with pytest.raises(SourceError, match="no answer in 30 s"):
        stage.walk(at(MONDAY, 11, 0))
    # The window is over, and with it what was asked about an entry or the first shares.
    ended = [f"order/{event.payload['intent']}" for event in stage.events("order.expired")]
    assert sorted(ended) == sorted(asked)
    assert not stage.events("order.filled")


def test_a_no_frees_what_an_order_reserved_without_waiting_for_a_look(stage):
    first, *_ = asking(stage)
    answer(stage, first, False, at(MONDAY, 10, 5))
    assert stage.walk(at(MONDAY, 10, 6)) == [("tend", MONDAY)]
    assert first.removeprefix("order/") not in stage.book().read().orders


def test_a_yes_is_used_in_the_next_minute(stage):
    first, *_ = asking(stage)
    answer(stage, first, True, at(MONDAY, 10, 46))
    assert [step.kind.value for step in stage.book().due(at(MONDAY, 10, 47))] == ["look"]
    assert stage.walk(at(MONDAY, 10, 47)) == [("look", MONDAY)]
    assert [e.payload["intent"] for e in stage.events("order.filled")] == [first.removeprefix("order/")]
    assert stage.walk(at(MONDAY, 10, 48)) == []


def test_a_yes_that_the_source_fails_waits_for_the_next_look(stage):
    first, *_ = asking(stage)
    answer(stage, first, True, at(MONDAY, 10, 16))
    stage.fault = source_fault()
    with pytest.raises(SourceError):
        stage.walk(at(MONDAY, 10, 17))
    stage.fault = None
    stage.walk(at(MONDAY, 10, 18))
    assert [e.payload["intent"] for e in stage.events("order.filled")] == [first.removeprefix("order/")]
