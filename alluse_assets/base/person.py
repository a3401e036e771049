"""Who a person is to a book: the name that the journal keeps, and when two names are one person.

An actor of the journal is ``person:ann``, ``rule:open_put``, ``policy:replay``. So a name has no colon: else
``person:ann`` would be somebody else than ``ann``, and could approve what ann asked for.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

from alluse_assets.base.errors import AlluseError

_PERSON = "person:"


def person_name(given: str, refusal: Callable[[str], AlluseError]) -> str:
    """The name under which the journal keeps a person.

    Args:
        given: what somebody called themselves.
        refusal: makes the error of who asks from its words.

    Raises:
        AlluseError: ``refusal``'s: it is no name.
    """
    name = " ".join(unicodedata.normalize("NFKC", given).split())
    if not name:
        raise refusal(f"{given!r} is no person's name: say who you are")
    if ":" in name or not name.isprintable():
        raise refusal(
            f"{given!r} is no person's name: leave out colons and what cannot be printed, say who you are"
        )
    return name


def person_actor(name: str) -> str:
    """The journal's actor of a person. ``name``: as ``person_name`` gives it."""
    return f"{_PERSON}{name}"


def is_same_person(name: str, actor: str) -> bool:
    """Whether a journal's actor is the person called ``name``; capitals do not make another person."""
    # Journals of before names were judged hold such as person:person:ann.
    return actor.startswith(_PERSON) and actor.rpartition(":")[2].strip().casefold() == name.casefold()
