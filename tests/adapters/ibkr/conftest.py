"""A scripted gateway and the real library against it, with limits that a test does not wait for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime

import pytest

import tests.adapters.ibkr.data_messages  # noqa: F401  registers its handlers
from alluse_assets.adapters.ibkr.pacing import PacingLimits, Window
from alluse_assets.adapters.ibkr.settings import IbkrSettings
from alluse_assets.adapters.ibkr.source import IbkrSource
from alluse_assets.base.calendar import trading_calendar
from tests.adapters.ibkr.gateway import Rules, ScriptedGateway

NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
"""A Friday, ten in the morning in New York."""
TODAY = date(2026, 11, 20)

NO_LIMITS = PacingLimits(
    Window("messages", 100_000, 1.0),
    Window("bars", 100_000, 1.0),
    Window("same contract", 100_000, 1.0),
    Window("identical", 100_000, 1.0),
)
MakeSource = Callable[..., IbkrSource]


@pytest.fixture
def gateway() -> Iterator[ScriptedGateway]:
    """A gateway that listens and sets no limits; its market is empty."""
    rules = Rules(100_000, 100_000, 0, 0, 100_000, 0)
    with ScriptedGateway(rules=rules).running() as running:
        yield running


@pytest.fixture
def make_source(gateway: ScriptedGateway) -> MakeSource:
    """Makes a source that asks ``gateway``; arguments are settings, and those of IbkrSource."""

    def make(**given: object) -> IbkrSource:
        own = {name: given.pop(name) for name in ("splits", "limits", "pacer", "clock") if name in given}
        quick = {"timeout_seconds": 5, "snapshot_seconds": 5, "history_seconds": 5, "bar_minutes": 30}
        settings = IbkrSettings.model_validate({"port": gateway.port, **quick, **given})
        arguments = {"limits": NO_LIMITS, "clock": lambda: NOW, **own}
        return IbkrSource(settings, trading_calendar(), **arguments)  # type: ignore[arg-type]

    return make
