"""``alluse snapshot``: look at the live chains once, now; what the schedule does through a session."""

from __future__ import annotations

import json
import os
from enum import StrEnum
from typing import Annotated

import typer

from alluse_assets.base.config.config_manager import load
from alluse_assets.market_data.snapshot_times import SnapshotKind
from alluse_assets.orchestration.live_market import LiveMarket
from alluse_assets.orchestration.market_steps import MarketSteps
from alluse_assets.orchestration.services import market_source, open_services, require_live


class SnapshotChoice(StrEnum):
    """What is looked at."""

    chain = "chain"
    premium = "premium"


def snapshot_command(
    profile: Annotated[str, typer.Option("--profile", "-p", help="Whose market to look at.")],
    what: Annotated[
        SnapshotChoice, typer.Option("--what", help="Whole chains, or premiums of the snapshot tickers.")
    ] = SnapshotChoice.chain,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object on stdout and nothing else.")
    ] = False,
) -> None:
    """Ask the routed sources for option quotes as they are now, and keep them."""
    config = load(profile, os.environ).config
    require_live(config)
    with open_services(os.environ) as services:
        source = market_source(config, services.calendar, services.lake, os.environ)
        steps = MarketSteps(services.lake, config, services.calendar, source)
        kind: SnapshotKind = "premium" if what is SnapshotChoice.premium else "close"
        kept = LiveMarket(steps, services.hot).take_snapshot(kind)
    if as_json:
        typer.echo(json.dumps({"what": what.value, "rows": kept.rows, "refused": kept.refused}))
    else:
        typer.echo(f"{kept.rows:,} option quotes kept, {kept.refused:,} refused")
