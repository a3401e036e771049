"""The building blocks of the typed configuration: field types with their bounds, and the base model.

Belongs here: what more than one ``model_*`` module needs to state a field. Not here: any number of
the protocol. Money is ``Decimal`` USD, a share is a ``float`` from 0 to 1, a delta is in points (40
means 0.40), and nothing is coerced silently: ``true`` is no number and ``"0.4x"`` is no share.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import time
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Kind = Literal["gen", "rev", "com"]
KINDS: tuple[Kind, ...] = ("gen", "rev", "com")
Weekday = Literal["Mon", "Tue", "Wed", "Thu", "Fri"]
WEEKDAYS: tuple[Weekday, ...] = ("Mon", "Tue", "Wed", "Thu", "Fri")
Priority = Literal["LOW", "MEDIUM", "HIGH", "CRITICAL"]

LARGEST_WHOLE_NUMBER = 2**53 - 1
"""Beyond it JSON's numbers are not exact."""

_NUMBER = re.compile(r"^[+-]?\d+(\.\d+)?$")
_CLOCK = re.compile(r"^([01]\d|2[0-3]):([0-5]\d)$")


class Contradiction(ValueError):
    """Fields that are right alone and wrong together.

    Each fault is (the fields concerned, the one to blame first; what is wrong with it). Fields of sections
    inside have their path with dots. Configuration errors point to the place where one of them was set.
    """

    def __init__(self, *faults: tuple[tuple[str, ...], str]) -> None:
        super().__init__("; ".join(f"{fields[0]}: {message}" for fields, message in faults))
        self.faults = faults


class ConfigModel(BaseModel):
    """Frozen, refuses unknown keys, and takes no value of another type for the one it wants."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, validate_default=True
    )

    @model_validator(mode="after")
    def _whole_numbers_can_be_stored(self) -> Self:
        # The fingerprint's JSON (RFC 8785) has no larger ones: they would not be the same everywhere.
        faults = []
        for name in type(self).model_fields:
            value = getattr(self, name)
            items = value.values() if isinstance(value, Mapping) else value
            for item in items if isinstance(items, Iterable) and not isinstance(items, str) else (value,):
                if isinstance(item, int) and abs(item) > LARGEST_WHOLE_NUMBER:
                    faults.append(((name,), f"found {item}; should be at most {LARGEST_WHOLE_NUMBER}"))
        refuse(faults)
        return self

    def low_above_high(self, *stems: str) -> list[tuple[tuple[str, ...], str]]:
        """A fault for each pair ``STEM_low`` and ``STEM_high`` that is the wrong way round."""
        faults: list[tuple[tuple[str, ...], str]] = []
        for stem in stems:
            low, high = getattr(self, f"{stem}_low"), getattr(self, f"{stem}_high")
            if low is not None and high is not None and low > high:
                faults.append(((f"{stem}_low", f"{stem}_high"), f"{low:g} is above {stem}_high {high:g}"))
        return faults


def refuse(faults: Sequence[tuple[tuple[str, ...], str]]) -> None:
    """Raise the faults, if there are any.

    Raises:
        Contradiction: there are.
    """
    if faults:
        raise Contradiction(*faults)


def _decimal(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("should be an amount, not true or false")
    if isinstance(value, int | float):
        return Decimal(repr(value))
    if isinstance(value, str):
        if not _NUMBER.match(value):
            raise ValueError("should be an amount such as 1000000 or 0.65")
        return Decimal(value)
    return value


def _clock(value: object) -> object:
    if isinstance(value, str):
        match = _CLOCK.match(value)
        if not match:
            raise ValueError("should be a time such as 10:00, New York, 24 hours")
        return time(int(match[1]), int(match[2]))
    return value


def _tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


SecretReference = Annotated[
    str,
    Field(
        pattern=r"^(env:[A-Za-z_][A-Za-z0-9_]*|file:/[^\n]+|vault:[^/#\n]+/[^#\n]+#[^#\n]+)$",
        description="a reference: env:NAME, file:/path or vault:mount/path#key",
    ),
]
"""Where a secret is kept. The pattern refuses the secret itself, which must not get into a journal."""
Usd = Annotated[Decimal, BeforeValidator(_decimal), Field(ge=0)]
"""US dollars, not negative."""
Share = Annotated[float, Field(ge=0, le=1)]
"""A part of a whole: 0.05 is five per cent."""
DeltaPoints = Annotated[float, Field(ge=0, le=100)]
"""Absolute delta in points: 40 is a delta of 0.40."""
Days = Annotated[int, Field(ge=0, le=1100)]
"""Calendar days."""
AtrMultiple = Annotated[float, Field(gt=0, le=20)]
"""Multiples of the average true range."""
VixPoints = Annotated[float, Field(gt=0, le=200)]
"""Points of the volatility index."""
Seconds = Annotated[float, Field(ge=0, le=86400)]
Minutes = Annotated[int, Field(ge=1, le=1440)]
Clock = Annotated[time, BeforeValidator(_clock)]
"""Time of day in New York."""
Ticker = Annotated[str, Field(pattern=r"^[A-Z0-9.^]{1,6}$")]
Tickers = Annotated[tuple[Ticker, ...], BeforeValidator(_tuple)]
Weekdays = Annotated[tuple[Weekday, ...], BeforeValidator(_tuple)]
AsTuple = BeforeValidator(_tuple)
"""Lets a list, as files write it, stand for the tuple that a frozen model holds."""
