"""``alluse approvals``, ``approve`` and ``reject`` on a real database."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
import typer
from typer.testing import CliRunner

from alluse_assets.accounts.config_changes import decide_change
from alluse_assets.adapters.anchors import AnchorFiles
from alluse_assets.adapters.postgres.connect import connect, open_pool
from alluse_assets.adapters.postgres.journal import PostgresJournal
from alluse_assets.base.calendar import new_york_text
from alluse_assets.base.config.model_people import AlertRules, ApprovalRules
from alluse_assets.base.errors import ApprovalError, JournalError
from alluse_assets.base.events import Event, instant_text
from alluse_assets.cli.approvals_command import approvals_command
from alluse_assets.cli.approve_command import approve_command
from alluse_assets.cli.reject_command import reject_command
from alluse_assets.execution.approval_table import APPROVALS, STATES, project_approvals
from alluse_assets.execution.approvals import (
    Asking,
    answer,
    expired,
    hash_of,
    request,
    roll_subject,
    used,
)
from alluse_assets.journal.event_types import EventType
from alluse_assets.journal.verify import verify
from alluse_assets.ledger.book_fold import fold
from tests.book_maker import BookMaker
from tests.execution.scene import OPENS, PUT, Scene, buy_back, sell_put
from tests.strategies.mini_market import CALENDAR, MiniMarket, config, days

AT = OPENS + timedelta(minutes=40)
NOW = datetime.now(UTC)
LATER_PUT = "AAPL110114P00325000"
ORDER = f"order/2011-01-06/GEN-1/open_put/{PUT}"


def an_asked_order(**changes):
    """What the engine records of an order under the floor, but open until an hour from now."""
    scene = Scene(asking=Asking(ApprovalRules(), AlertRules(), OPENS + timedelta(minutes=90)))
    evidence = {"premium_yield_ppm": 9_100, "floor_ppm": 15_000}
    scene.engine.place(sell_put(2, decided_at=AT, asks=("under_floor",), evidence=evidence, **changes))
    later = instant_text(NOW + timedelta(hours=1))
    return [
        replace(e, payload={**e.payload, "expires_at": later}) if e.type == "approval.requested" else e
        for e in scene.recorder.events
    ]


def a_fork(name, by="person:Bob", hours=1):
    expires_at = NOW + timedelta(hours=hours)
    return request("fork", name, {"to": name}, ["fork"], by, NOW, expires_at)


@pytest.fixture
def book(database_url, tmp_path, monkeypatch):
    """A live book; returns what appends events to it and gives them all."""
    monkeypatch.setenv("ALLUSE_DATABASE_URL", database_url)
    monkeypatch.setenv("ALLUSE_HOME", str(tmp_path / "home"))
    with open_pool(database_url) as pool:
        journal = PostgresJournal(pool)
        journal.create_book("b", "live")

        def events(*more):
            journal.append("b", more, journal.head("b"))
            return [row.event for row in journal.read("b")]

        events.rows = lambda: list(journal.read("b"))
        yield events


def runs(command, *arguments):
    app = typer.Typer()
    app.command()(command)
    return CliRunner().invoke(app, [*arguments, "--book", "b"])


def test_the_list_says_exactly_what_is_asked_why_and_until_when(book):
    book(*an_asked_order())
    shown = runs(approvals_command)
    assert shown.exit_code == 0, shown.output
    asked = fold(book()).approvals[ORDER]
    for words in (
        ORDER,
        f"SELL_TO_OPEN 2 {PUT} at 2.00 USD in GEN-1 (open_put)",
        "the premium yield is under the account's floor",
        "0.91 % of the strike; the floor is 1.50 %",
        "New York",
        "rule:open_put",
        asked.hash[:12],
        "alluse approve ID --hash HASH --book b",
    ):
        assert words in shown.stdout


def test_a_roll_is_listed_as_one_thing_with_both_legs_and_answered_at_once(book):
    close, sale = buy_back(decided_at=AT, parent="roll/1"), sell_put(instrument=LATER_PUT, parent="roll/1")
    later = NOW + timedelta(hours=1)
    subject = roll_subject(close, sale)
    book(request("roll", "1", subject, ["mode_approve"], close.actor, NOW, later))
    shown = runs(approvals_command).stdout
    assert f"  would    BUY_TO_CLOSE 1 {PUT} at 2.10 USD in GEN-1 (take_profit)" in shown
    assert f"  then     SELL_TO_OPEN 1 {LATER_PUT} at 2.00 USD in GEN-1" in shown
    answered = runs(approve_command, "roll/1", "--hash", hash_of(subject)[:12], "--as", "Ann")
    assert answered.exit_code == 0, answered.output
    assert fold(book()).approvals["roll/1"].answer == "yes"


def test_an_empty_list_says_so_and_where_the_past_is(book):
    assert runs(approvals_command).stdout.strip() == (
        "Nothing of book b waits for an answer; what was: alluse approvals --all --book b."
    )
    assert "Nothing" in runs(approvals_command, "--all").stdout
    assert json.loads(runs(approvals_command, "--json").stdout) == {"book": "b", "approvals": []}


def test_json_has_every_column_and_the_subject_as_an_object(book):
    book(a_fork("1"))
    (row,) = json.loads(runs(approvals_command, "--json").stdout)["approvals"]
    assert set(row) == set(APPROVALS.schema)
    assert (row["subject"], row["state"], row["reasons"]) == ({"to": "1"}, "open", ["fork"])
    assert row["requested_at"] == instant_text(NOW)


def test_a_yes_is_journalled_with_name_and_reason_and_leaves_the_list(book, tmp_path):
    book(*an_asked_order())
    seen = fold(book()).approvals[ORDER].hash[:12].upper()
    said = runs(approve_command, ORDER, "--hash", seen, "--as", "Ann", "--why", "fair price")
    assert said.exit_code == 0, said.output
    assert said.stdout.startswith(f"approved by Ann: {ORDER}")
    event, over = book()[-2:]
    assert (over.type, over.payload["by"], over.payload["why"]) == (
        "alert.resolved",
        "Ann",
        "said yes: fair price",
    )
    assert (event.type, event.actor) == ("approval.answered", "person:Ann")
    assert event.payload["why"] == "fair price"
    assert "Nothing of book b" in runs(approvals_command).stdout
    assert "state    approved (Ann said yes: fair price)" in runs(approvals_command, "--all").stdout
    anchors = AnchorFiles(tmp_path / "home" / "anchors").read("b")
    # The scene's order was decided under a version that this journal does not begin with.
    assert {fault.check for fault in verify("b", book.rows(), anchors).faults} <= {"configuration"}


def test_a_no_is_journalled_and_cannot_be_taken_back(book):
    book(*an_asked_order())
    assert runs(reject_command, ORDER, "--as", "Ann").stdout == f"rejected by Ann: {ORDER}\n"
    again = runs(approve_command, ORDER, "--as", "Eve")
    assert isinstance(again.exception, ApprovalError)
    assert "Ann has answered no already" in str(again.exception)


def test_the_name_is_the_systems_where_none_is_given(book, monkeypatch):
    monkeypatch.setenv("LOGNAME", "carol")
    book(a_fork("1"))
    assert runs(approve_command, "fork/1").stdout.startswith("approved by carol: fork/1")


def test_the_unique_beginning_of_an_id_is_enough(book):
    book(a_fork("12"), *an_asked_order())
    assert runs(reject_command, "fork", "--as", "Ann").exit_code == 0
    book(a_fork("2"), a_fork("22"))
    ambiguous = runs(reject_command, "fork/2", "--as", "Ann")
    assert ambiguous.exit_code == 0  # a whole id is no beginning
    book(a_fork("3a"), a_fork("3b"))
    refused = runs(reject_command, "fork/3", "--as", "Ann").exception
    assert "several begin so: fork/3a, fork/3b" in str(refused)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("fork/9", "--as", "Ann"), "nothing of that name is open; list with: alluse approvals"),
        (("", "--as", "Ann"), "nothing of that name is open"),
        (("fork/1", "--as", "Ann", "--hash", "0000"), "not 0000: look at it again"),
        (("fork/1", "--as", " "), "no person's name"),
        (("fork/1", "--as", "bob"), "bob asked for it, and in live another person approves"),
        (("fork/late", "--as", "Ann"), "it expired "),
    ],
)
def test_what_cannot_be_approved_is_said_and_nothing_is_written(book, arguments, message):
    before = book(a_fork("1"), a_fork("late", hours=-1))
    refused = runs(approve_command, *arguments).exception
    assert isinstance(refused, ApprovalError)
    assert message in str(refused)
    assert book() == before


def test_what_is_approved_besides_orders_happens_at_the_book_s_next_step(book, monkeypatch):
    """Asked in one session, answered by the command in the evening, done by the next session's process."""
    monday, tuesday, wednesday = days(3)
    evening = CALENDAR.close_time(monday) + timedelta(hours=1)
    for module in (approve_command, approvals_command):
        monkeypatch.setattr(f"{module.__module__}.utc_now", lambda: evening)
    market = MiniMarket(config(protection__reanchor_by="person"))
    cooling = {
        "account": "REV-1", "symbol": "AAPL", "chain": "c", "right": "P", "level": 3, "until": str(monday)
    }  # fmt: skip
    book(*market.events, Event(EventType.COOL_OFF_BEGUN, OPENS, "rule:protection", "cool_off/c", cooling))

    def step(day):
        market.state = fold(book())
        events = market.step(day, 101)
        book(*events)
        return [event.type.value for event in events]

    assert "approval.requested" in step(monday)
    listed = runs(approvals_command).stdout
    assert "would    lift AAPL in REV-1 from level 3, anchored anew to its price and ATR" in listed
    assert "asks as  after a cool-off a person lifts the level" in listed
    said = runs(approve_command, "lift_level", "--as", "Ann")
    assert f"lift_level/REV-1/AAPL/{monday}" in said.stdout
    assert "to be used until Tue 2011-01-11 16:00 New York" in said.stdout
    assert fold(book()).protection.level_of("REV-1", "AAPL") == 3
    assert step(tuesday)[:3] == ["session.opened", "approval.used", "protection.cool_off_ended"]
    assert fold(book()).protection.level_of("REV-1", "AAPL") == 0
    assert "was used" in str(runs(approve_command, "lift_level", "--as", "Ann").exception)
    assert not [one for one in step(wednesday) if one.startswith(("approval.", "protection."))]
    assert {fault.check for fault in verify("b", book.rows(), []).faults} == {"anchors"}


@pytest.mark.parametrize("answered", [True, False])
@pytest.mark.parametrize("ending", ["used", "expired"])
def test_what_is_over_says_how_it_ended_when_and_by_whom(book, answered, ending):
    """Whoever came second read that nothing of that name was open, as if they had mistyped it."""
    at, rules = NOW + timedelta(minutes=5), ApprovalRules()
    book(a_fork("1"))
    asked = fold(book()).approvals["fork/1"]
    if answered:
        book(answer({"fork/1": asked}, "fork/1", asked.hash, "Ann", True, at, "live", rules, "good"))
    asked = fold(book()).approvals["fork/1"]
    book(used(asked, at, "rule:forks") if ending == "used" else expired(asked, at))
    before = book()
    for command in (approve_command, reject_command):
        refused = runs(command, "fork", "--as", "Eve").exception
        assert isinstance(refused, ApprovalError)
        said = f"Ann said yes {new_york_text(at)}: good" if answered else "nobody had answered"
        verb = "was used" if ending == "used" else "expired"
        assert f"approval fork/1: it {verb} {new_york_text(at)}, {said}; what is open:" in str(refused)
    assert book() == before


def test_the_rules_of_answering_are_those_in_force(book):
    def change(value):
        pair = ("approvals.live_approver_is_another", value)
        return decide_change(fold(book()), "replay", [pair], "alone today", "Bob", NOW)

    book(*BookMaker().events, a_fork("1"), a_fork("2"))
    assert "another person approves" in str(runs(approve_command, "fork/1", "--as", "Bob").exception)
    book(change("false"))
    assert runs(approve_command, "fork/1", "--as", "Bob").exit_code == 0
    book(change("true"))
    assert "another person approves" in str(runs(approve_command, "fork/2", "--as", "Bob").exception)


def test_an_unknown_book_is_said(book):
    for command, *arguments in ((approvals_command,), (approve_command, "x"), (reject_command, "x")):
        app = typer.Typer()
        app.command()(command)
        refused = CliRunner().invoke(app, [*arguments, "--book", "nobody"]).exception
        assert isinstance(refused, JournalError)
        assert "there is no book 'nobody'; there are: b" in str(refused)


def test_the_view_of_the_database_says_what_the_projected_table_says(book, database_url):
    book(*an_asked_order())
    book(*[a_fork(name) for name in ("approved", "refused", "used", "expired", "late")])
    for name in ("approved", "used"):
        runs(approve_command, f"fork/{name}", "--as", "Ann", "--why", "good")
    runs(reject_command, "fork/refused", "--as", "Ann")
    for name, ending in (("used", "used"), ("expired", "expired")):
        payload = {"approval": f"fork/{name}", "hash": hash_of({"to": name})}
        like = book()[-1]
        key = f"approval/fork/{name}/{ending}"
        book(replace(like, type=f"approval.{ending}", key=key, payload=payload, cause=None))
    expected = project_approvals(book())
    assert set(expected["state"]) == set(STATES)
    with connect(database_url) as connection:  # in the application's role
        names = ", ".join(APPROVALS.schema)
        rows = connection.execute(
            f"SELECT {names} FROM alluse.approval WHERE book = 'b' ORDER BY session, approval".encode()
        ).fetchall()
    wanted = [
        (*row[:4], json.loads(row[4]), *row[5:])
        for row in expected.select(*APPROVALS.schema).sort("session", "approval").rows()
    ]
    assert rows == wanted


def test_the_view_knows_that_time_is_over_though_nobody_has_booked_it(book, database_url):
    book(a_fork("late", hours=-1))
    assert project_approvals(book()).select(pl.col("state")).item() == "open"
    assert "Nothing of book b" in runs(approvals_command).stdout
    with connect(database_url) as connection:
        assert connection.execute("SELECT state FROM alluse.approval").fetchall() == [("expired",)]


def test_the_table_of_a_book_without_requests_is_empty():
    assert project_approvals([]).schema == APPROVALS.schema
