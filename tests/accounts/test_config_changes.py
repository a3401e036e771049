"""Changing a running book's configuration: what is refused, what needs a person, and what comes of it."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alluse_assets.accounts.allocation import open_book
from alluse_assets.accounts.config_changes import approved_change, decide_change, decide_rollback
from alluse_assets.accounts.config_in_force import config_in_force, timeline_of
from alluse_assets.accounts.config_limits import FIXED
from alluse_assets.accounts.project import project_config_versions
from alluse_assets.base.calendar import trading_calendar
from alluse_assets.base.config.config_manager import canonical, fingerprint, load, stored_config, with_values
from alluse_assets.base.errors import ApprovalError, ConfigError, JournalError
from alluse_assets.execution.approvals import answer, hash_of
from alluse_assets.journal.chain import Head, link
from alluse_assets.journal.verify import verify
from alluse_assets.ledger.book_fold import apply, fold
from alluse_assets.ledger.book_state import BookState
from alluse_assets.orchestration.book_config import stored_versions
from tests.book_maker import BookMaker, option

FIRST = date(2011, 1, 3)
NOW = datetime(2011, 1, 4, 15, 0, tzinfo=UTC)
LOW, HIGH = "accounts.gen.puts.delta_low", "accounts.gen.puts.delta_high"


def opened(**values):
    config = with_values(load("sample", {}).config, {k.replace("__", "."): v for k, v in values.items()})
    return fold(open_book(config, "sample", FIRST, trading_calendar().open_time(FIRST)))


def ask(state, *pairs, kind="replay", why="because", by="ann", at=NOW):
    return decide_change(state, kind, pairs, why, by, at)


def refusal_of(state, *pairs, **changes):
    with pytest.raises(ConfigError) as refused:
        ask(state, *pairs, **changes)
    return str(refused.value)


def test_a_change_says_what_was_before_what_is_after_who_and_why():
    event = ask(opened(), (LOW, "35"), ("entry.earnings_unknown", "refuse"), why="calmer", by="bob")
    assert event.type == "config.changed"
    assert (event.actor, event.key) == ("person:bob", "config/version/2")
    assert event.payload["changes"] == [
        {"path": LOW, "before": "40", "after": "35"},
        {"path": "entry.earnings_unknown", "before": "allow", "after": "refuse"},
    ]
    assert (event.payload["version"], event.payload["why"], event.payload["by"]) == (2, "calmer", "bob")
    assert (event.payload["rolled_back_to"], event.payload["request"]) == (None, None)


def test_the_state_after_a_change_is_in_force_with_the_event_s_fingerprint():
    state = opened()
    event = ask(state, (LOW, "35"))
    after = apply(state, event)
    assert (state.config_version, after.config_version) == (1, 2)
    assert config_in_force(after).accounts.gen.puts.delta_low == 35
    assert (
        fingerprint(config_in_force(after)) == event.payload["config_fingerprint"] == after.config_fingerprint
    )
    assert config_in_force(state).accounts.gen.puts.delta_low == 40


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        (
            [("accounts.gen.puts.delta_lo", "35")],
            ["no such setting; did you mean accounts.gen.puts.delta_low?"],
        ),
        ([(LOW, "much")], [f"{LOW}: found the text 'much'; should be a number from 0 to 100"]),
        ([(LOW, "true")], [f"{LOW}: found true"]),
        ([(LOW, "101")], [f"{LOW}: found 101; should be a number from 0 to 100"]),
        ([(LOW, "60")], [f"{LOW}: 60 is above delta_high 50"]),
        ([(LOW, "[")], [f"{LOW}: no YAML"]),
        ([(LOW, "")], [f"{LOW}: found nothing"]),
        ([(LOW, "35"), (LOW, "36")], [f"{LOW}: is given twice"]),
        ([(LOW, "40")], [f"nothing to change: {LOW} is 40 already (version 1 is in force)"]),
        ([], ["nothing to change: no setting is given"]),
        (
            [("accounts.gen.puts", "{delta_low: 70, dellta: 1}")],
            ["dellta: there is no such setting", "delta_low"],
        ),
    ],
)
def test_what_does_not_hold_is_refused_as_in_a_profile(pairs, words):
    message = refusal_of(opened(), *pairs)
    for word in words:
        assert word in message


def test_both_ends_of_a_band_move_together():
    state = apply(opened(), ask(opened(), (LOW, "60"), (HIGH, "70")))
    legs = config_in_force(state).accounts.gen.puts
    assert (legs.delta_low, legs.delta_high) == (60, 70)
    assert "is above delta_high" in refusal_of(state, (HIGH, "50"))


def test_the_same_change_twice_is_refused_the_second_time():
    state = apply(opened(), ask(opened(), (LOW, "35")))
    assert "35 already (version 2 is in force)" in refusal_of(state, (LOW, "35"))


@pytest.mark.parametrize("missing", ["why", "by"])
@pytest.mark.parametrize("blank", ["", "  "])
def test_a_change_without_its_reason_or_its_author_is_refused(missing, blank):
    assert "say w" in refusal_of(opened(), (LOW, "35"), **{missing: blank})
    with pytest.raises(ConfigError, match="say w"):
        decide_rollback(opened(), "replay", 1, **{"why": "x", "by": "x", missing: blank}, at=NOW)


@pytest.mark.parametrize("name", ["person:ann", "rule:open_put", "a\u200bnn"])
def test_whoever_changes_something_cannot_be_somebody_else_by_writing_the_name_otherwise(name):
    """person:ann asked for a change, and ann approved it: two pairs of eyes that were one."""
    assert f"{name!r} is no person's name" in refusal_of(opened(), (LOW, "35"), by=name)
    with pytest.raises(ConfigError, match="is no person's name"):
        decide_rollback(opened(), "replay", 1, "why", name, NOW)


@pytest.mark.parametrize(
    ("path", "value", "fixed"),
    [
        ("market.source", "files", "market.source"),
        ("multiplier", "10", "multiplier"),
        ("market.index_options", "{}", "market.index_options"),
        ("book.lump_sum_usd", "2000000", "book"),
        ("book.split", "{gen: 0.3, rev: 0.3, com: 0.4}", "book"),
        ("book.one_broker_account_each", "true", "book"),
        ("book.replay_end", "2012-01-01", "book"),
    ],
)
def test_what_would_corrupt_a_running_book_is_refused_with_its_reason(path, value, fixed):
    message = refusal_of(opened(), (path, value), ("entry.earnings_unknown", "refuse"))
    assert message.startswith(path)
    assert f"cannot change in a running book: {FIXED[fixed]}" in message


def test_a_ticker_that_an_account_holds_cannot_be_dropped_by_all():
    book = BookMaker()
    put = option("AAPL", date(2011, 1, 7), "P", 330)
    book.session({"AAPL": 335.0, "MSFT": 28.0, "SPX": 127.0}, [("GEN-1", "SELL_TO_OPEN", put, 1, "2")])
    gen, rev = ("accounts.gen.tickers", "[SPX]"), ("accounts.rev.tickers", "[MSFT]")
    message = refusal_of(book.state, gen, rev)
    assert "accounts.gen.tickers: AAPL is held by GEN-1" in message
    # Its quotes are still collected as long as another kind trades it.
    assert ask(book.state, gen).type == "config.changed"


def test_a_book_that_is_not_opened_has_no_configuration_to_change():
    with pytest.raises(JournalError, match="not opened yet"):
        ask(BookState(), (LOW, "35"))


def test_a_rollback_is_a_new_version_with_the_old_values_of_what_differs_only():
    state = opened()
    for pairs in ([(LOW, "35")], [(HIGH, "60"), ("entry.earnings_unknown", "refuse")], [(LOW, "36")]):
        state = apply(state, ask(state, *pairs))
    event = decide_rollback(state, "replay", 2, "too much", "bob", NOW)
    assert (event.payload["version"], event.payload["rolled_back_to"]) == (5, 2)
    assert [(c["path"], c["after"]) for c in event.payload["changes"]] == [
        (LOW, "35"),
        (HIGH, "50"),
        ("entry.earnings_unknown", "allow"),
    ]
    back = apply(state, event)
    assert back.config_fingerprint == state.config_history.versions[1].fingerprint
    first = apply(back, decide_rollback(back, "replay", 1, "all", "bob", NOW))
    assert first.config_fingerprint == opened().config_fingerprint
    assert first.config_history.versions[-1].form == opened().config_history.versions[0].form


@pytest.mark.parametrize(
    ("to", "words"), [(3, "there is no version 3.*1 to 2"), (0, "no version 0"), (2, "version 2")]
)
def test_a_rollback_to_nothing_or_to_what_is_in_force_is_refused(to, words):
    state = apply(opened(), ask(opened(), (LOW, "35")))
    with pytest.raises(ConfigError, match=words):
        decide_rollback(state, "replay", to, "x", "ann", NOW)


# Approval


def requested(kind="live", **values):
    state = opened(**values)
    event = ask(state, (LOW, "35"), kind=kind)
    return event, apply(state, event)


def answered(state, by="bob", yes=True, at=NOW + timedelta(hours=1), kind="live", request="config/1"):
    """The events that an answer appends together, as ``orchestration.answering`` does it."""
    rules = config_in_force(state).approvals
    given = state.approvals[request].hash if request in state.approvals else ""
    event = answer(state.approvals, request, given, by, yes, at, kind, rules)
    after = apply(state, event)
    return [event, *(approved_change(after, after.approvals[request], at) if yes else [])]


def types(events):
    return [event.type for event in events]


@pytest.mark.parametrize(
    ("kind", "asks", "event_type"),
    [
        ("live", True, "approval.requested"),
        ("paper", True, "approval.requested"),
        ("replay", True, "config.changed"),
        ("live", False, "config.changed"),
    ],
)
def test_live_and_paper_books_ask_where_approvals_say_so_a_replay_never(kind, asks, event_type):
    assert ask(opened(approvals__config_change=asks), (LOW, "35"), kind=kind).type == event_type


def test_a_request_says_what_changes_from_which_version_why_and_until_when():
    event, _ = requested()
    assert (event.actor, event.payload["approval"], event.payload["kind"]) == (
        "person:ann", "config/1", "config"
    )  # fmt: skip
    assert event.payload["subject"] == {
        "based_on": 1,
        "changes": [{"path": LOW, "before": "40", "after": "35"}],
        "why": "because",
        "rolled_back_to": None,
    }
    assert event.payload["hash"] == hash_of(event.payload["subject"])
    assert (event.payload["requested_by"], event.payload["reasons"]) == ("person:ann", ["config_change"])
    assert event.payload["expires_at"] == "2011-01-05T15:00:00Z"


def test_a_request_changes_nothing_and_a_yes_makes_the_version_in_the_same_append():
    _, state = requested()
    assert (state.config_version, config_in_force(state)) == (1, config_in_force(opened()))
    events = answered(state)
    assert types(events) == ["approval.answered", "approval.used", "config.changed"]
    assert (events[2].actor, events[2].cause) == ("person:bob", events[0].key)
    after = fold(events, state)
    assert (after.config_version, after.approvals) == (2, {})
    version = after.config_history.versions[-1]
    assert (version.by, version.approved_by, version.request) == ("ann", "bob", "config/1")
    assert (version.why, [c.after for c in version.changes]) == ("because", ["35"])


def test_a_rollback_asks_and_comes_back_as_one():
    _, state = requested()
    state = fold(answered(state), state)
    state = apply(state, decide_rollback(state, "live", 1, "back", "ann", NOW))
    assert state.approvals["config/2"].subject["rolled_back_to"] == 1
    after = fold(answered(state, request="config/2"), state)
    assert after.config_history.versions[-1].rolled_back_to == 1
    assert after.config_fingerprint == opened().config_fingerprint


def test_switching_approval_off_asks_first_itself():
    event = ask(opened(), ("approvals.config_change", "false"), kind="live")
    assert event.type == "approval.requested"


def test_the_hash_is_over_the_version_every_value_and_the_reason():
    event, _ = requested()
    subject = event.payload["subject"]
    others = [
        {"based_on": 2},
        {"changes": [{"path": LOW, "before": "40", "after": "36"}]},
        {"changes": [{"path": LOW, "before": "41", "after": "35"}]},
        {"why": "another"},
        {"rolled_back_to": 1},
    ]
    assert len({event.payload["hash"], *(hash_of({**subject, **other}) for other in others)}) == 6


def test_a_request_whose_content_is_not_what_was_hashed_is_refused():
    event, _ = requested()
    other = {**event.payload["subject"], "changes": [{"path": LOW, "before": "40", "after": "5"}]}
    state = apply(opened(), replace(event, payload={**event.payload, "subject": other}))
    with pytest.raises(ApprovalError, match="approved something else"):
        answered(state)


def test_in_a_live_book_the_asker_does_not_approve_but_may_take_it_back():
    _, state = requested()
    with pytest.raises(ApprovalError, match="ann asked for it, and in live another person approves"):
        answered(state, by="ann")
    assert types(answered(state, by="ann", yes=False)) == ["approval.answered"]
    _, alone = requested(approvals__live_approver_is_another=False)
    assert types(answered(alone, by="ann"))[-1] == "config.changed"
    _, paper = requested(kind="paper")
    assert types(answered(paper, by="ann", kind="paper"))[-1] == "config.changed"


def test_an_answer_counts_once_and_a_no_changes_nothing():
    _, state = requested()
    used, refused = (fold(answered(state, yes=yes), state) for yes in (True, False))
    assert (used.config_version, refused.config_version) == (2, 1)
    with pytest.raises(ApprovalError, match="config/1: nothing of that name is open"):
        answered(used)
    with pytest.raises(ApprovalError, match="bob has answered no already"):
        answered(refused)
    with pytest.raises(ApprovalError, match="bob said no"):
        approved_change(refused, refused.approvals["config/1"], NOW)


def test_the_last_instant_counts_and_from_then_on_unanswered_means_no():
    _, state = requested(approvals__config_change_expires_minutes=30)
    end = NOW + timedelta(minutes=30)
    assert types(answered(state, at=end))[-1] == "config.changed"
    with pytest.raises(ApprovalError, match=r"it expired Tue 2011-01-04 10:30 New York"):
        answered(state, at=end + timedelta(microseconds=1))


def test_an_approval_does_not_count_when_another_version_came_meanwhile():
    """Two requests on version 1: the second answer would put values over ones that nobody saw beside them."""
    _, state = requested()
    state = apply(state, ask(state, (HIGH, "55"), kind="live"))
    state = fold(answered(state, request="config/2"), state)
    with pytest.raises(ConfigError, match=r"asked on version 1 .* version 2 is in force now"):
        answered(state)


def test_the_same_is_not_asked_for_twice_while_it_is_open():
    _, state = requested()
    assert "ann asked for the same already: config/1" in refusal_of(
        state, (LOW, "35"), kind="live", by="bob", why="another reason"
    )
    assert ask(state, (LOW, "36"), kind="live").payload["approval"] == "config/2"
    later = ask(state, (LOW, "35"), kind="live", at=NOW + timedelta(days=1, seconds=1))
    assert later.payload["approval"] == "config/2"
    refused = fold(answered(state, yes=False), state)
    assert ask(refused, (LOW, "35"), kind="live").payload["approval"] == "config/2"


def test_a_request_stays_open_over_the_close_and_ends_at_the_first_close_behind_its_time():
    book = BookMaker()
    at = trading_calendar().open_time(book.next)
    book.recorder.record(ask(book.state, (LOW, "35"), kind="live", at=at))
    closes = {"AAPL": 335.0, "MSFT": 28.0, "SPX": 127.0}
    book.session(closes)
    assert types(answered(book.state, at=at + timedelta(hours=20)))[-1] == "config.changed"
    book.session(closes)
    assert book.state.approvals == {}
    assert types(book.events).count("approval.expired") == 1


def test_what_a_book_took_on_after_the_request_is_looked_at_when_it_is_approved():
    book = BookMaker()
    asked = ask(
        book.state, ("accounts.gen.tickers", "[SPX]"), ("accounts.rev.tickers", "[MSFT]"), kind="live"
    )
    book.recorder.record(asked)
    put = option("AAPL", date(2011, 1, 7), "P", 330)
    book.session({"AAPL": 335.0, "MSFT": 28.0, "SPX": 127.0}, [("GEN-1", "SELL_TO_OPEN", put, 1, "2")])
    with pytest.raises(ConfigError, match="AAPL is held by GEN-1"):
        answered(book.state)


# History


def test_every_value_names_the_version_that_set_it():
    state = apply(opened(), ask(opened(), (LOW, "35"), why="calmer"))
    effective = stored_config(stored_versions(state.config_history))
    assert effective.config == config_in_force(state)
    assert effective.origins[LOW].place == "version 2 by ann at 2011-01-04T15:00:00Z: calmer"
    assert effective.origins[HIGH].place.startswith("version 1 by rule:allocation at 2011-01-03T")


def test_the_table_has_a_row_a_setting_and_version_and_joins_to_orders():
    state = opened()
    events = open_book(config_in_force(state), "sample", FIRST, trading_calendar().open_time(FIRST))
    events.append(ask(state, (LOW, "35"), ("market.flat_rate_annual", "0.01")))
    state = apply(state, events[-1])
    events.append(decide_rollback(state, "replay", 1, "back", "bob", NOW))
    rows = project_config_versions(events).select("version", "path", "value_before", "value_after").rows()
    assert rows == [
        (1, "*", None, None),
        (2, LOW, "40", "35"),
        (2, "market.flat_rate_annual", None, "0.01"),
        (3, LOW, "35", "40"),
        (3, "market.flat_rate_annual", "0.01", None),
    ]
    assert project_config_versions(events)["rolled_back_to"].to_list() == [None, None, None, 1, 1]
    assert project_config_versions([]).is_empty()


def test_a_forged_version_is_found_by_the_proof():
    state = opened()
    events = open_book(config_in_force(state), "sample", FIRST, trading_calendar().open_time(FIRST))
    honest = ask(state, (LOW, "35"))
    changes = [{"path": LOW, "before": "30", "after": "35"}]
    for forged in ({"version": 3}, {"changes": changes}):
        head, rows = Head(), []
        for event in [*events, replace(honest, payload={**honest.payload, **forged})]:
            rows.append(link("b", head, event, NOW))
            head = rows[-1].head
        assert "configuration" in {fault.check for fault in verify("b", rows, []).faults}


VALUES = {
    LOW: ["30", "35.5", "45"],
    HIGH: ["50", "55", "62.25"],
    "market.dividend_yields": ["{}", "{AAPL: 0.01}", "{AAPL: 0.02, SPX: 0.015}"],
    "market.flat_rate_annual": ["null", "0.03"],
    "entry.window_end": ["10:30", "11:00"],
    "accounts.com.tickers": ["[FB]", "[AAPL, MSFT, IBM, GOOG, FB]"],
    "fork.gen.surplus_usd": ["50000", "60000.50"],
    "accounts.rev.puts": ["{delta_low: 20, delta_high: 25}", "{delta_low: 30, delta_high: 40}"],
}
STEP = st.one_of(
    st.integers(1, 6),
    st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=3, unique=True).flatmap(
        lambda paths: st.tuples(*(st.tuples(st.just(p), st.sampled_from(VALUES[p])) for p in paths))
    ),
)


@given(st.lists(STEP, max_size=7))
def test_any_sequence_of_changes_and_rollbacks_folds_to_what_the_model_says(steps):
    """The model: a list of typed configurations, changed by values and copied for a rollback."""
    from alluse_assets.base.config.source_lines import parse

    state = opened()
    model = [config_in_force(state)]
    for step in steps:
        if isinstance(step, int):
            expected = model[step - 1] if step <= len(model) else model[-1]
            decided = lambda: decide_rollback(state, "replay", step, "x", "ann", NOW)  # noqa: B023, E731
        else:
            expected = with_values(model[-1], {path: parse(text).values for path, text in step})
            decided = lambda: ask(state, *step)  # noqa: B023, E731
        if expected == model[-1]:
            with pytest.raises(ConfigError):
                decided()
            continue
        state = apply(state, decided())
        model.append(expected)
        assert config_in_force(state) == expected
        assert state.config_fingerprint == fingerprint(expected)
        assert state.config_history.versions[-1].form == canonical(expected)
    assert state.config_version == len(model)
    assert [config for _, config in timeline_of(state.config_history, None).versions] == model
