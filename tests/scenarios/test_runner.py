"""A scenario that expects something else fails, and says what; one that is not understood says where."""

import pytest
import yaml

from tests.scenarios.runner import run
from tests.scenarios.words import ScenarioError, read

SOLD = {
    "spec": "a put is sold",
    "section": 2,
    "accounts": {"REV-1": 300_000},
    "sessions": [
        {
            "date": "2011-01-10",
            "prices": {"AAPL": 101},
            "quotes": ["AAPL 2011-01-14 P 100 at 1.50/1.55, delta 35"],
        }
    ],
}


def scenario(tmp_path, session=None, **top):
    told = {**SOLD, **top, "sessions": [{**SOLD["sessions"][0], **(session or {})}]}
    path = tmp_path / "told.yaml"
    path.write_text(yaml.safe_dump(told).replace("'2011-01-10'", "2011-01-10"))
    (found,) = read(path)
    return found


def test_what_was_not_found_is_named_and_the_session_s_events_are_listed(tmp_path):
    faults = run(scenario(tmp_path, {"expect": ["entry.decided", {"order.filled": {"quantity": 7}}]}))
    assert faults[:2] == [
        "2011-01-10:",
        "  expected after event 3: order.filled {'quantity': 7}: not found",
    ]
    assert "order.filled account=REV-1" in faults[-1]


def test_events_are_expected_in_order(tmp_path):
    assert run(scenario(tmp_path, {"expect": ["entry.decided", "order.filled"]})) == []
    assert run(scenario(tmp_path, {"expect": ["order.filled", "entry.decided"]}))


@pytest.mark.parametrize("never", ["order.filled", "order.*", {"order.filled": {"quantity": 8}}])
def test_what_must_never_be_is_a_fault_when_it_is(tmp_path, never):
    assert any("must never be: order." in fault for fault in run(scenario(tmp_path, never=[never])))
    assert run(scenario(tmp_path, never=[{"order.filled": {"quantity": 7}}])) == []


@pytest.mark.parametrize(
    "then",
    [
        {"cash": 301_194.81},
        {"short": {}},
        {"short": {"AAPL 2011-01-14 P 100": 7}},
        {"status": "SAFE"},
        {"levels": {"AAPL": 1}},
        {"colour": "red"},
    ],
)
def test_a_state_that_is_another_is_a_fault(tmp_path, then):
    assert len(run(scenario(tmp_path, {"then": {"REV-1": then}}))) > 1
    right = {"cash": 301_194.80, "short": {"AAPL 2011-01-14 P 100": 8}, "status": "ACTIVE"}
    assert run(scenario(tmp_path, {"then": {"REV-1": right}})) == []


@pytest.mark.parametrize(
    ("session", "top", "message"),
    [
        ({"colour": "red"}, {}, "session 2011-01-10: colour is not known"),
        ({}, {"colour": "red"}, "the scenario: colour is not known"),
        ({"quotes": ["AAPL P 100 at 1.50"]}, {}, "quotes: not understood: 'AAPL P 100 at 1.50'"),
        ({"act": ["tickle REV-1"]}, {}, "act: not understood: 'tickle REV-1'"),
        ({}, {"given": ["REV-1 is rich"]}, "given: not understood: 'REV-1 is rich'"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_file(tmp_path, session, top, message):
    with pytest.raises(ScenarioError, match=f"told.yaml: ScenarioError: {message}"):
        scenario(tmp_path, session, **top)


def test_a_starting_position_that_the_gate_refuses_is_an_error(tmp_path):
    given = ["REV-1 is short 99 AAPL 2011-01-14 P 100, sold 2011-01-07 at 1.50, price 101, atr 5"]
    with pytest.raises(ScenarioError, match=r"ended DENIED.*capital@1"):
        run(scenario(tmp_path, given=given))
