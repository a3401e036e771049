"""The bytes of an event that are hashed: RFC 8785 canonical JSON, fixed once.

The book's name and the recording time are left out, so that two replays of the same inputs on two
books have the same hash. ``tests/journal/canonical_vectors.json`` pins the bytes; a change here is a
new event version, never an edit.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import rfc8785

from alluse_assets.base.errors import JournalError
from alluse_assets.base.events import Event, Json, Posting, instant_text
from alluse_assets.base.money import text

_LARGEST_EXACT_INTEGER = 2**53 - 1
_SORTED_JSON = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def canonical_bytes(seq: int, event: Event) -> bytes:
    """The canonical bytes of the event at position ``seq`` (1 is a book's first).

    Raises:
        JournalError: the payload holds a float or another value that JSON cannot carry exactly.
    """
    _refuse_inexact(event.payload, f"event {event.key}")
    return _dumps(
        {
            "seq": seq,
            "type": event.type,
            "version": event.version,
            "effective_at": instant_text(event.effective_at),
            "actor": event.actor,
            "cause": event.cause,
            "key": event.key,
            "payload": event.payload,
            "postings": [posting_json(posting) for posting in event.postings],
        }
    )


def canonical_payload(payload: Mapping[str, Json]) -> str:
    """The payload's canonical text, as the store keeps it."""
    return _dumps(payload).decode()


def posting_json(posting: Posting) -> dict[str, Json]:
    """A posting as the canonical bytes carry it."""
    return {
        "account": posting.account,
        "ledger_account": posting.ledger_account,
        "amount": text(posting.amount),
        "currency": posting.currency,
        "instrument": posting.instrument,
        "quantity": posting.quantity,
    }


def _dumps(value: Any) -> bytes:
    """RFC 8785. Without floats and in ASCII, which is nearly always, sorted JSON of the standard library is
    the same bytes in a tenth of the time."""
    try:
        found = _SORTED_JSON.encode(value)
    except TypeError:
        found = ""
    return found.encode() if found and found.isascii() else rfc8785.dumps(value)


def _refuse_inexact(value: object, where: str) -> None:
    if value is None or isinstance(value, str | bool):
        return
    if isinstance(value, int):
        if abs(value) > _LARGEST_EXACT_INTEGER:
            raise JournalError(f"{where}: {value} is too large for JSON; write it as text")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                raise JournalError(f"{where}: the key {key!r} is a {type(key).__name__}; write it as text")
            _refuse_inexact(item, f"{where}.{key}")
    elif isinstance(value, Sequence):
        for index, item in enumerate(value):
            _refuse_inexact(item, f"{where}[{index}]")
    else:
        raise JournalError(f"{where}: {value!r} is a {type(value).__name__}; write it as text")
