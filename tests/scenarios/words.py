"""Reads the words of a scenario: YAML in, frozen values out. What nobody knows is refused with its place.

Nothing here runs anything; ``runner`` does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from alluse_assets.base.instruments import OptionContract

_CONTRACT = r"(?P<root>[A-Z0-9.]+) (?P<expiry>\d{4}-\d\d-\d\d) (?P<right>[PC]) (?P<strike>\d+(?:\.\d+)?)"
_NUMBER = r"\d+(?:\.\d+)?"
_SHORT = re.compile(
    rf"(?P<account>\S+) is short (?P<count>\d+) {_CONTRACT}, sold (?P<day>\S+) at (?P<at>{_NUMBER}), "
    rf"price (?P<price>{_NUMBER}), atr (?P<atr>{_NUMBER})(?:, iv (?P<iv>{_NUMBER}))?"
)
_ASSIGNED = re.compile(
    rf"(?P<account>\S+) was assigned (?P<count>\d+) {_CONTRACT}, sold (?P<day>\S+) at (?P<at>{_NUMBER}), "
    rf"price (?P<price>{_NUMBER}), atr (?P<atr>{_NUMBER}), closed (?P<closed>{_NUMBER})"
)
_HOLDS = re.compile(
    rf"(?P<account>\S+) holds (?P<count>\d+) (?P<symbol>[A-Z.]+), bought (?P<day>\S+) at (?P<at>{_NUMBER})"
)
_QUOTE = re.compile(rf"{_CONTRACT} at (?P<bid>{_NUMBER})/(?P<ask>{_NUMBER})(?P<rest>(?:, \w+ \S+)*)")
_ACT = re.compile(
    r"(?P<verb>pause|resume|halt|release) (?P<account>\S+) by (?P<who>\S+)"
    r"|(?P<do>place|lift) (?P<hold>\S+) (?:on|of) (?P<of>\S+) by (?P<by>\S+)"
)
_ANSWER = re.compile(r"(?P<answer>yes|no) by (?P<who>\S+) at (?P<at>\d\d:\d\d)")
_VERBS = {
    "pause": ("place", "paused"),
    "resume": ("lift", "paused"),
    "halt": ("place", "halted"),
    "release": ("lift", "halted"),
}
_TOP = {
    "spec", "section", "xfail", "config", "accounts", "given", "sessions", "never", "atr", "earnings",
    "dividends", "splits", "week_types", "trades", "windows", "modes", "asked",
}  # fmt: skip
_SESSION = {
    "date", "prices", "atr", "vix", "quotes", "quotes_at", "decided_at", "window", "mode", "confirm", "act",
    "refused", "expect", "never", "then", "broker", "answer", "config",
}  # fmt: skip


class ScenarioError(Exception):
    """A scenario says something that is not understood, or asks for what cannot be built."""


@dataclass(frozen=True)
class Given:
    """One starting position. ``closed``: the close that assigns it; None where it stays open or is shares."""

    account: str
    count: int
    symbol: str
    contract: OptionContract | None
    day: date
    at: Decimal
    price: Decimal
    atr: Decimal
    iv: Decimal
    closed: Decimal | None


@dataclass(frozen=True)
class QuoteWords:
    """One row of a chain. ``delta`` in points, absolute; None where unknown."""

    contract: OptionContract
    underlying: str
    bid: float
    ask: float
    delta: float | None
    volume: int | None
    open_interest: int | None
    iv: float


@dataclass(frozen=True)
class ActWords:
    """What somebody does to an account before a session: place or lift a hold."""

    lifts: bool
    hold: str
    account: str
    who: str


@dataclass(frozen=True)
class AnswerWords:
    """What a person says to everything that is open, and when; the market is looked at again then."""

    yes: bool
    who: str
    at: time


@dataclass(frozen=True)
class SessionWords:
    """One session as it is told. ``expect`` in order, ``never`` in none; each (type, fields)."""

    day: date
    prices: Mapping[str, Any]
    atr: Mapping[str, Any]
    vix: Any
    quotes: tuple[QuoteWords, ...]
    quotes_at: time | None
    decided_at: time | None
    window_open: bool
    mode: str
    confirm: str
    broker_is_silent: bool
    settings: Mapping[str, Any]
    acts: tuple[ActWords, ...]
    refused: str | None
    answer: AnswerWords | None
    expect: tuple[tuple[str, Mapping[str, Any]], ...]
    never: tuple[tuple[str, Mapping[str, Any]], ...]
    then: Mapping[str, Any]


@dataclass(frozen=True)
class Scenario:
    """One scenario: a sentence of the protocol, a market, and the journal that must come of it."""

    path: Path
    number: int
    spec: str
    section: int
    xfail: str | None = None
    asks_a_person: bool = False
    config: Mapping[str, Any] = field(default_factory=dict)
    accounts: Mapping[str, int] = field(default_factory=dict)
    given: tuple[Given, ...] = ()
    sessions: tuple[SessionWords, ...] = ()
    atr: Mapping[str, Any] = field(default_factory=dict)
    earnings: Mapping[str, Any] = field(default_factory=dict)
    dividends: Mapping[str, Mapping[date, Any]] = field(default_factory=dict)
    splits: Mapping[str, Mapping[date, Any]] = field(default_factory=dict)
    week_types: Mapping[str, Any] = field(default_factory=dict)
    trades: tuple[Mapping[str, Any], ...] = ()
    windows: Mapping[date, str] = field(default_factory=dict)
    modes: tuple[Mapping[str, Any], ...] = ()

    @property
    def id(self) -> str:
        """The name of its test: where it is, and the sentence."""
        number = f"#{self.number}" if self.number else ""
        plain = self.spec.replace("≥", ">=").replace("≤", "<=").replace("−", "-").replace("–", "-")
        return f"{self.path.stem}{number}: section {self.section}: {plain}"


def read(path: Path) -> list[Scenario]:
    """The scenarios of a file, one a YAML document.

    Raises:
        ScenarioError: something in it is not understood; the message says where.
    """
    documents = [told for told in yaml.safe_load_all(path.read_text()) if told]
    numbers = range(1, len(documents) + 1) if len(documents) > 1 else [0]
    try:
        return [_scenario(path, number, told) for number, told in zip(numbers, documents, strict=True)]
    except (ScenarioError, KeyError, TypeError, ValueError) as error:
        raise ScenarioError(f"{path.name}: {type(error).__name__}: {error}") from error


def _scenario(path: Path, number: int, told: Mapping[str, Any]) -> Scenario:
    _known(told, _TOP, "the scenario")
    everywhere = _events(told.get("never", []))
    return Scenario(
        path=path,
        number=number,
        spec=" ".join(told["spec"].split()),
        section=told["section"],
        xfail=told.get("xfail"),
        asks_a_person=told.get("asked") == "a person",
        config=told.get("config", {}),
        accounts=told.get("accounts", {}),
        given=tuple(_given(sentence) for sentence in told.get("given", [])),
        sessions=tuple(_session(one, everywhere) for one in told.get("sessions", [])),
        atr=told.get("atr", {}),
        earnings=told.get("earnings", {}),
        dividends=told.get("dividends", {}),
        splits=told.get("splits", {}),
        week_types=told.get("week_types", {}),
        trades=tuple(told.get("trades", [])),
        windows=told.get("windows", {}),
        modes=tuple(told.get("modes", [])),
    )


def _session(told: Mapping[str, Any], everywhere: tuple[Any, ...]) -> SessionWords:
    _known(told, _SESSION, f"session {told['date']}")
    return SessionWords(
        day=told["date"],
        prices=told["prices"],
        atr=told.get("atr", {}),
        vix=told.get("vix", 20),
        quotes=tuple(_quote(line) for line in told.get("quotes", [])),
        quotes_at=_clock(told.get("quotes_at")),
        decided_at=_clock(told.get("decided_at")),
        window_open=told.get("window", "open") == "open",
        mode=told.get("mode", "Green"),
        confirm=told.get("confirm", "Green"),
        broker_is_silent=told.get("broker") == "silent",
        settings=told.get("config", {}),
        acts=tuple(_act(sentence) for sentence in told.get("act", [])),
        refused=told.get("refused"),
        answer=_answer(told.get("answer")),
        expect=_events(told.get("expect", [])),
        never=(*everywhere, *_events(told.get("never", []))),
        then=told.get("then", {}),
    )


def contract_of(words: str) -> OptionContract | None:
    """``AAPL 2011-01-14 P 100`` as a contract; None where it is something else."""
    found = re.fullmatch(_CONTRACT, words)
    return _contract(found) if found else None


def _contract(found: re.Match[str]) -> OptionContract:
    expiry, right = date.fromisoformat(found["expiry"]), found["right"]
    return OptionContract(found["root"], expiry, right, Decimal(found["strike"]))  # type: ignore[arg-type]


def _given(sentence: str) -> Given:
    if shares := _HOLDS.fullmatch(sentence):
        at = Decimal(shares["at"])
        day, count = date.fromisoformat(shares["day"]), int(shares["count"])
        return Given(
            shares["account"], count, shares["symbol"], None, day, at, at, Decimal(5), Decimal("0.3"), None
        )
    found = _SHORT.fullmatch(sentence) or _ASSIGNED.fullmatch(sentence)
    if not found:
        raise ScenarioError(f"given: not understood: {sentence!r}; see README.md for the sentences")
    contract, rest = _contract(found), found.groupdict()
    return Given(
        found["account"],
        int(found["count"]),
        underlying_of(contract.root),
        contract,
        date.fromisoformat(found["day"]),
        Decimal(found["at"]),
        Decimal(found["price"]),
        Decimal(found["atr"]),
        Decimal(rest.get("iv") or "0.3"),
        Decimal(rest["closed"]) if rest.get("closed") else None,
    )


def _quote(line: str) -> QuoteWords:
    found = _QUOTE.fullmatch(line)
    if not found:
        raise ScenarioError(f"quotes: not understood: {line!r}; see README.md")
    rest = dict(part.split(" ") for part in found["rest"].split(", ") if part)
    _known(rest, {"delta", "volume", "oi", "iv", "of"}, f"quote {line!r}")
    contract = _contract(found)
    return QuoteWords(
        contract,
        rest.get("of") or underlying_of(contract.root),
        float(found["bid"]),
        float(found["ask"]),
        None if rest.get("delta", "none") == "none" else float(rest["delta"]),
        int(rest["volume"]) if "volume" in rest else None,
        int(rest["oi"]) if "oi" in rest else None,
        float(rest.get("iv", 0.3)),
    )


def _act(sentence: str) -> ActWords:
    found = _ACT.fullmatch(sentence)
    if not found:
        raise ScenarioError(f"act: not understood: {sentence!r}; see README.md for the sentences")
    if found["verb"]:
        do, hold = _VERBS[found["verb"]]
        return ActWords(do == "lift", hold, found["account"], found["who"])
    return ActWords(found["do"] == "lift", found["hold"], found["of"], found["by"])


def _answer(sentence: str | None) -> AnswerWords | None:
    if sentence is None:
        return None
    found = _ANSWER.fullmatch(sentence)
    if not found:
        raise ScenarioError(f"answer: not understood: {sentence!r}; see README.md")
    return AnswerWords(found["answer"] == "yes", found["who"], time.fromisoformat(found["at"]))


def _events(told: list[Any]) -> tuple[tuple[str, Mapping[str, Any]], ...]:
    return tuple((one, {}) if isinstance(one, str) else next(iter(one.items())) for one in told)


def _clock(told: str | None) -> time | None:
    return None if told is None else time.fromisoformat(told)


def _known(told: Mapping[str, Any], allowed: set[str], where: str) -> None:
    unknown = sorted(set(told) - allowed)
    if unknown:
        raise ScenarioError(f"{where}: {', '.join(unknown)} is not known; there are {sorted(allowed)}")


def underlying_of(root: str) -> str:
    """The ticker of an option root."""
    return "SPX" if root == "SPXW" else root
