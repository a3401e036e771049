"""YAML is read with lines, and nothing is read as what it does not look like."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alluse_assets.base.config.source_lines import parse


def test_every_key_and_list_item_knows_its_line():
    document = parse("a:\n  b: 1\n  c:\n    - x\n    - y\n")
    assert document.values == {"a": {"b": 1, "c": ["x", "y"]}}
    assert document.lines[("a", "b")] == 2
    assert document.lines[("a", "c", "1")] == 5
    assert document.line_of(("a", "b", "not there")) == 2


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("ON", "ON"),
        ("no", "no"),
        ("Y", "Y"),
        ("10:00", "10:00"),
        ("true", True),
        ("1_000_000", 1_000_000),
        ("010", "010"),
        ("0x10", "0x10"),
        ("1e3", 1000.0),
        (".5", 0.5),
        (".inf", ".inf"),
        ("2011-01-03", date(2011, 1, 3)),
        ("2011-01-03 10:00:00", "2011-01-03 10:00:00"),
        ("~", None),
        ("'12'", "12"),
    ],
)
def test_a_scalar_is_read_as_it_looks(text, value):
    found = parse(f"key: {text}").values
    assert found == {"key": value}
    assert type(found["key"]) is type(value)


def test_a_duplicate_key_is_a_fault_that_names_both_lines():
    document = parse("a:\n  b: 1\n  c: 2\n  b: 3\n")
    (fault,) = document.faults
    assert fault.line == 4
    assert fault.message == "a.b is set twice, first in line 2"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\nb: [1, 2\n", 3, "no YAML"),
        ("a: 1\nb: c: d\n", 2, "no YAML"),
        ("a: &x 1\nb: *x\n", 1, "anchors"),
        ("a: 1\nb: !!python/object:os.system 1\n", 2, "tags"),
        ("a: 1\nb: !!int ''\n", 2, "tags"),
        ("a: 1\nb: 2019-02-30\n", 2, "b: 2019-02-30 cannot be read"),
        ("a: 1\nb: \x07\n", 2, "no YAML"),
        ("a: 1\n? [b]\n: 2\n", 2, "a key must be a word"),
        ("a: 1\n---\nb: 2\n", 2, "no YAML"),
        ("[" * 3000, 1, "nested too deeply"),
        ("a: " + "9" * 5000, 1, "cannot be read"),
    ],
)
def test_a_text_that_cannot_be_read_is_a_fault_with_its_line(text, line, words):
    (fault,) = parse(text).faults
    assert fault.line == line
    assert words in fault.message


def test_an_empty_text_has_no_values_and_no_fault():
    assert parse("# only a comment\n").values is None
    assert parse("").faults == ()


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_with_a_line_inside_it(text):
    document = parse(text)
    for fault in document.faults:
        assert 1 <= fault.line <= text.count("\n") + text.count("\r") + text.count("\x85") + 3
