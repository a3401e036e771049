"""Secrets: a value that is never shown, references that name one, and the Protocol that reads them.

Belongs here: the type and the rules of a reference. Not here: reading one (``adapters.secrets``).
Configuration holds references only, never values.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from typing import NoReturn, Protocol, Self

from alluse_assets.base.errors import SecretError

_HIDDEN = "Secret(hidden)"


class Secret:
    """A text that no repr, format, log line, JSON or pickle shows. Only ``reveal`` gives it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        object.__setattr__(self, "_value", value)

    def reveal(self) -> str:
        """The value itself. Call it where the value is used, and keep it nowhere."""
        value: str = object.__getattribute__(self, "_value")
        return value

    def __repr__(self) -> str:
        return _HIDDEN

    def __format__(self, spec: str) -> str:
        return format(_HIDDEN, spec)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self.reveal().encode(), other.reveal().encode())

    # A hash in a set or a log would let a short secret be guessed.
    __hash__ = None  # type: ignore[assignment]

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a secret does not change")

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret is not pickled; pass its reference and resolve it on the other side")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self


class SecretSource(Protocol):
    """One place that secrets are kept in."""

    @property
    def scheme(self) -> str:
        """What a reference to it starts with, before the colon."""
        ...

    def read(self, place: str) -> Secret:
        """The secret at a place, the part of a reference after the colon.

        Raises:
            SecretError: it is not there or cannot be read. The message never holds a value.
        """
        ...


def resolve(reference: str, sources: Iterable[SecretSource]) -> Secret:
    """The secret that a reference names: ``env:NAME``, ``file:/path`` or ``vault:mount/path#key``.

    Raises:
        SecretError: the reference is of no known scheme, or its source cannot read it.
    """
    by_scheme = {source.scheme: source for source in sources}
    scheme, colon, place = reference.partition(":")
    if not colon or scheme not in by_scheme or not place:
        # The text is not repeated: somebody may have written the secret itself where a reference belongs.
        schemes = ", ".join(f"{name}:..." for name in by_scheme)
        raise SecretError(f"a secret is referred to by one of {schemes}; what was given is none of them")
    return by_scheme[scheme].read(place)
