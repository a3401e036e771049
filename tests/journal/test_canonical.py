"""The bytes that are hashed are fixed: the stored vectors must never change."""

import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from alluse_assets.base.errors import JournalError
from alluse_assets.base.events import Event, Posting, instant_text
from alluse_assets.journal.canonical import canonical_bytes, canonical_payload

VECTORS = json.loads((Path(__file__).parent / "canonical_vectors.json").read_text())


def event_of(fields):
    return Event(
        fields["type"],
        datetime.fromisoformat(fields["effective_at"]),
        fields["actor"],
        fields["key"],
        fields["payload"],
        tuple(
            Posting(p["account"], p["ledger_account"], Decimal(p["amount"]), p["instrument"], p["quantity"])
            for p in fields["postings"]
        ),
        fields["cause"],
        fields["version"],
    )


@pytest.mark.parametrize("vector", VECTORS, ids=[v["name"] for v in VECTORS])
def test_canonical_bytes_are_what_was_stored(vector):
    found = canonical_bytes(vector["seq"], event_of(vector["event"]))
    assert found.decode() == vector["canonical"]
    assert hashlib.sha256(found).hexdigest() == vector["sha256"]


def test_a_float_in_a_payload_is_refused_with_its_place():
    event = Event("alert.raised", datetime(2011, 1, 3, tzinfo=UTC), "rule:x", "k", {"a": [{"b": 0.1}]})
    with pytest.raises(JournalError, match=r"k\.a\[0\]\.b: 0\.1 is a float"):
        canonical_bytes(1, event)


def test_an_integer_that_json_cannot_hold_is_refused():
    event = Event("alert.raised", datetime(2011, 1, 3, tzinfo=UTC), "rule:x", "k", {"n": 2**53})
    with pytest.raises(JournalError, match="too large"):
        canonical_bytes(1, event)


def test_the_same_instant_in_another_zone_has_the_same_text():
    utc = datetime(2011, 1, 3, 21, tzinfo=UTC)
    assert instant_text(utc) == instant_text(utc.astimezone(timezone(timedelta(hours=-5))))
    with pytest.raises(ValueError, match="no time zone"):
        instant_text(datetime(2011, 1, 3))  # noqa: DTZ001


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=6), json_values, max_size=4))
def test_a_payload_reads_back_as_it_was_and_order_of_keys_does_not_matter(payload):
    text = canonical_payload(payload)
    assert json.loads(text) == payload
    assert canonical_payload(dict(reversed(list(payload.items())))) == text


_KEYS = st.text(max_size=6)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(_KEYS, _JSON, max_size=5))
def test_whatever_the_text_the_bytes_are_those_of_the_rfc(payload):
    assert canonical_payload(payload) == rfc8785.dumps(payload).decode()


@given(st.dictionaries(st.text(st.characters(max_codepoint=127), max_size=6), _JSON, max_size=5))
def test_control_characters_are_written_as_the_rfc_says(payload):
    assert canonical_payload(payload) == rfc8785.dumps(payload).decode()


def test_a_key_that_is_no_text_is_refused():
    event = Event("alert.raised", datetime(2011, 1, 3, tzinfo=UTC), "rule:x", "k", {"a": {1: "x"}})
    with pytest.raises(JournalError, match=r"k\.a: the key 1 is a int"):
        canonical_bytes(1, event)
