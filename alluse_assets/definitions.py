"""The Dagster code location: the one assembly of assets, checks, jobs, schedules and resources.

A deployment's graph shows one book, ``ALLUSE_BOOK`` (default ``sample``), whose assets have its name as
key prefix; market data has none. Other books are run by the ``replay`` job.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import dagster as dg

import alluse_assets.accounts.assets
import alluse_assets.alerts.assets
import alluse_assets.execution.assets
import alluse_assets.journal.assets
import alluse_assets.ledger.assets
import alluse_assets.market_data.assets
import alluse_assets.market_data.checks
import alluse_assets.option_chains.assets
import alluse_assets.option_chains.checks
import alluse_assets.protection.assets
import alluse_assets.reporting.assets
import alluse_assets.strategies.assets
import alluse_assets.weeks.assets
from alluse_assets.base.config.config_manager import load
from alluse_assets.base.config.profile_files import DEFAULT_BOOK, profile_of
from alluse_assets.orchestration.progress import LoggedProgress
from alluse_assets.orchestration.resources import desk_resource
from alluse_assets.orchestration.stages import LIVE, STAGE_TAG
from jobs.export import export_job
from jobs.ingest import LIVE_JOBS, LIVE_SCHEDULES
from jobs.prune import prune, prune_schedule
from jobs.replay import replay
from jobs.trading import trading, trading_schedule
from jobs.weekly_cycle import STAGE_JOBS, weekly_cycle, weekly_cycle_schedule
from sensors.notifier import notifier
from sensors.protocol_watchdog import protocol_watchdog

_MARKET = [alluse_assets.market_data.assets, alluse_assets.option_chains.assets]
_MARKET_CHECKS = [alluse_assets.market_data.checks, alluse_assets.option_chains.checks]
_BOOK = [
    alluse_assets.weeks.assets,
    alluse_assets.strategies.assets,
    alluse_assets.journal.assets,
    alluse_assets.execution.assets,
    alluse_assets.ledger.assets,
    alluse_assets.protection.assets,
    alluse_assets.accounts.assets,
    alluse_assets.alerts.assets,
    alluse_assets.reporting.assets,
]


def build_defs(
    resource_overrides: Mapping[str, Any] | None = None,
    book: str | None = None,
    profile: str | None = None,
) -> dg.Definitions:
    """The code location for one book.

    Args:
        resource_overrides: resources that take the place of ours (``desk``, ``progress``), for a command
            that shows a progress bar and for tests.
        book: the book whose assets the graph shows; None: ``ALLUSE_BOOK``.
        profile: what a new book runs on; None: ``ALLUSE_PROFILE``, else the one called like the book.

    Raises:
        ConfigError: the profile has faults.
    """
    name = book or os.environ.get("ALLUSE_BOOK") or DEFAULT_BOOK
    chosen = profile or os.environ.get("ALLUSE_PROFILE") or profile_of(name)
    is_live = load(chosen, os.environ).config.market.source == "live"
    found = dg.Definitions(
        assets=[
            *dg.load_assets_from_modules(_MARKET),
            *dg.load_assets_from_modules(_BOOK, key_prefix=key_prefix(name)),
        ],
        asset_checks=dg.load_asset_checks_from_modules(_MARKET_CHECKS),
        jobs=[
            *STAGE_JOBS,
            weekly_cycle,
            *LIVE_JOBS,
            prune,
            replay,
            trading,
            export_job(key_prefix(name)),
        ],
        schedules=[weekly_cycle_schedule, trading_schedule, *LIVE_SCHEDULES, prune_schedule],
        sensors=[notifier, protocol_watchdog],
        executor=dg.in_process_executor,
        resources={
            "desk": desk_resource(name, chosen),
            "progress": LoggedProgress(),
            **(resource_overrides or {}),
        },
    )
    return found.map_asset_specs(func=_kept_fresh) if is_live else found


def _kept_fresh(spec: dg.AssetSpec) -> dg.AssetSpec:
    """What live sessions make warns after an ordinary weekend and fails after a long one; others never."""
    if spec.tags.get(STAGE_TAG) != LIVE.name:
        return spec
    policy = dg.FreshnessPolicy.time_window(
        fail_window=timedelta(days=4, hours=4), warn_window=timedelta(days=3, hours=4)
    )
    return spec.replace_attributes(freshness_policy=policy)


def key_prefix(book: str) -> str:
    """``book`` as Dagster allows it in asset keys."""
    return re.sub(r"[^A-Za-z0-9_]", "_", book)


defs = build_defs()
