"""Market data as assets: bars, rates and corporate actions as they came, clean bars, indicators.

Surface: each asset names its table and the step that makes it. They are every book's, so their keys
have no prefix.
"""

import dagster as dg
import polars as pl

from alluse_assets.market_data.tables import (
    BARS,
    CORPORATE_ACTIONS,
    INDICATORS,
    INTRADAY_BARS,
    RATES,
    RAW_BARS,
    SHARE_QUOTES,
)
from alluse_assets.option_chains.tables import OPTION_TICKS, PREMIUM_SNAPSHOTS
from alluse_assets.orchestration.asset_factory import Made, by_month, table_assets
from alluse_assets.orchestration.asset_metadata import Trend
from alluse_assets.orchestration.partitions import SAME_TIME, SESSIONS, Span, depends_on, span_of
from alluse_assets.orchestration.resources import Desk
from alluse_assets.orchestration.stages import LIVE, MARKET

GROUP = "market_data"
OWNER = "team:data"


@table_assets(
    Made(RAW_BARS, "asked of the configured source, month by month, and kept as it came."),
    Made(RATES, "asked of the source; a profile may set one flat rate instead, then this stays empty."),
    Made(CORPORATE_ACTIONS, "asked of the source by ex-date."),
    name="collect_bars",
    scope="market",
    stage=MARKET,
    group=GROUP,
    owner=OWNER,
)
def collected(desk: Desk, span: Span) -> dict[str, object]:
    """What the source has of the months."""
    counts = desk.steps.collect_bars(span.start, span.end)
    desk.progress.step("bars", 1, 2)
    return {"source": desk.steps.market, "rows collected": counts.rows}


@table_assets(
    Made(
        BARS,
        "the raw bars that keep every rule; a row that breaks one goes to quarantine with the rule's name.",
        Trend("close", pl.col("symbol") == "SPX", "close of SPX"),
        never_empty=True,
        deps=["raw_bars"],
    ),
    name="bars",
    scope="market",
    stage=MARKET,
    group=GROUP,
    owner=OWNER,
)
def bars(desk: Desk, span: Span) -> dict[str, object]:
    """Raw bars to clean ones."""
    counts = desk.steps.validate_bars(span.start, span.end)
    desk.progress.step("bars", 2, 2)
    return {"rows quarantined": counts.quarantined}


@table_assets(
    Made(
        INDICATORS,
        "computed from the clean bars, each month warmed up on the configured sessions before it.",
        Trend("realised_volatility_annual", label="realised volatility, mean of all symbols"),
        never_empty=True,
        deps=["bars"],
    ),
    name="indicators",
    scope="market",
    stage=MARKET,
    group=GROUP,
    owner="team:research",
)
def indicators(desk: Desk, span: Span) -> None:
    """Indicators of the clean bars."""
    # Month by month, so that a value never depends on where the range of a run began.
    by_month(desk, span, "indicators", desk.steps.compute_indicators)


@table_assets(
    Made(SHARE_QUOTES, "streamed into the hot store, compacted after the close."),
    Made(INTRADAY_BARS, "streamed into the hot store, compacted after the close."),
    Made(OPTION_TICKS, "streamed into the hot store, compacted after the close."),
    Made(PREMIUM_SNAPSHOTS, "asked of the routed sources every half hour, compacted after the close."),
    name="compact_live_session",
    scope="market",
    stage=LIVE,
    group="live",
    owner=OWNER,
)
def live_session(desk: Desk, span: Span) -> dict[str, object]:
    """What the hot store has of the sessions, into the lake; nothing where the market is not live."""
    if desk.steps.market != "live":
        return {"note": f"the market {desk.steps.market} is not live: there is nothing to compact"}
    return {f"rows of {name}": rows for name, rows in desk.live.compact(span.start, span.end).items()}


@dg.asset(
    name="served_series",
    partitions_def=SESSIONS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    deps=[*(depends_on(name, SAME_TIME) for name in ("bars", "indicators")), "option_chains", "surfaces"],
    group_name="live",
    owners=[OWNER],
    kinds={"postgres", "timescaledb"},
    tags={"alluse/layer": "out"},
    required_resource_keys={"desk"},
)
def served_series(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    """Bars, indicators, chains and surfaces in the hot store, for whoever asks a database by time.

    **How it is made:** the sessions' rows are those of the lake, month by month, old ones replaced whole.
    No part of the weekly cycle: materialise the sessions that somebody asks for.
    """
    desk: Desk = context.resources.desk
    span = span_of(SESSIONS, context.partition_keys)
    counts = {f"rows of {name}": rows for name, rows in desk.serve(span.start, span.end).items()}
    return dg.MaterializeResult(metadata={**counts, "store": desk.hot.edition.described})
