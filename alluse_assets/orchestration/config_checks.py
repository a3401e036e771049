"""What of a configuration change only the market can tell: whether there is what it names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import polars as pl

from alluse_assets.base.calendar import NEW_YORK
from alluse_assets.base.config.canonical_form import Change
from alluse_assets.base.config.model_protocol import ProtocolConfig
from alluse_assets.base.errors import ConfigError, SourceError
from alluse_assets.market_data.tables import BARS
from alluse_assets.orchestration.services import market_source

if TYPE_CHECKING:
    from datetime import datetime

    from alluse_assets.orchestration.services import Services

_MODE_SYMBOL = "market.mode_symbol"
_SESSIONS_ASKED = 5


def require_bars(
    services: Services,
    config: ProtocolConfig,
    changes: Sequence[Change],
    now: datetime,
    environ: Mapping[str, str],
) -> None:
    """Pass when the market mode's symbol, if it changes, has bars: in the lake, else at the source.

    Without them no week can be opened. A live source is asked for the last sessions before ``now``; whoever
    opens the next session brings the rest.

    Args:
        services: the installation.
        config: what the book runs on.
        changes: what is to be changed.
        now: the time.
        environ: where sources are set up.

    Raises:
        ConfigError: there are none, or nobody can say.
    """
    symbols = [str(change.after) for change in changes if change.path == _MODE_SYMBOL]
    for symbol in symbols:
        market = config.market.source
        stored = services.lake.read(BARS, market, columns=["ts"], where=pl.col("symbol") == symbol)
        if stored.is_empty() and not (
            market == "live" and _source_has(services, config, symbol, now, environ)
        ):
            where = "the lake or at its source" if market == "live" else "the lake"
            raise ConfigError(
                f"{_MODE_SYMBOL}: there are no bars of {symbol} in {where} (market.source {market}): the "
                "market mode cannot be judged on it, and no week be opened; bring them first, or name another"
            )


def _source_has(
    services: Services, config: ProtocolConfig, symbol: str, now: datetime, environ: Mapping[str, str]
) -> bool:
    calendar = services.calendar
    last = calendar.previous_session(now.astimezone(NEW_YORK).date())
    start = calendar.previous_session(last, _SESSIONS_ASKED - 1)
    try:
        source = market_source(config, calendar, services.lake, environ)
        return source is not None and not source.history("bars", [symbol], start, last).is_empty()
    except SourceError as error:
        raise ConfigError(
            f"{_MODE_SYMBOL}: the lake has no bars of {symbol}, and the source cannot be asked for "
            f"some ({error}): try again when it answers"
        ) from error
