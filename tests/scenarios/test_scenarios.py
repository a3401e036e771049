"""The protocol, sentence by sentence: each YAML file beside this one, walked by the real routine."""

from pathlib import Path

import pytest

from tests.scenarios.runner import run
from tests.scenarios.words import Scenario, read

SCENARIOS = [one for path in sorted(Path(__file__).parent.rglob("*.yaml")) for one in read(path)]


def _parameter(scenario: Scenario):
    marks = [pytest.mark.xfail(reason=scenario.xfail, strict=True)] if scenario.xfail else []
    return pytest.param(scenario, id=scenario.id, marks=marks)


@pytest.mark.parametrize("scenario", [_parameter(one) for one in SCENARIOS])
def test_the_journal_is_what_the_protocol_says(scenario):
    faults = run(scenario)
    assert not faults, "\n".join([f"{scenario.spec!r} (protocol, section {scenario.section})", *faults])


def test_there_is_one_for_each_sentence():
    assert len(SCENARIOS) >= 150
    assert {one.section for one in SCENARIOS} == {1, 2, 3, 4, 5, 7, 8}
