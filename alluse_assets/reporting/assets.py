"""Performance as assets: the figures per account and for the book, the page, the research file."""

from datetime import date
from pathlib import Path

import dagster as dg
from pydantic import Field

from alluse_assets.orchestration.asset_factory import Made, table_assets
from alluse_assets.orchestration.asset_metadata import Trend, counts_table
from alluse_assets.orchestration.partitions import Span
from alluse_assets.orchestration.resources import Desk
from alluse_assets.orchestration.stages import REPORT, STAGE_TAG
from alluse_assets.reporting.tables import PERFORMANCE, PERIOD_RETURNS

_DEPS = ("net_asset_value", "option_trades", "balances")


@table_assets(
    Made(PERFORMANCE, "computed from net asset values and closed option trades.", deps=_DEPS),
    Made(
        PERIOD_RETURNS,
        "the session returns of each week and month, linked.",
        Trend("period_return", label="return of weeks and months, mean of the accounts"),
        deps=("net_asset_value",),
    ),
    name="performance",
    scope="book",
    stage=REPORT,
    group="reporting",
    owner="team:research",
)
def performance(desk: Desk, span: Span) -> None:
    """The figures since the first session."""
    desk.rebuild(PERFORMANCE, PERIOD_RETURNS)
    desk.progress.step("performance", 1, 1)


@dg.asset(
    name="performance_report",
    description=(
        "The page that people read: value, return, risk, trades and week types of each account, with what "
        "the numbers leave out.\n\n**How it is made:** from the book's journal alone. It is one HTML file "
        "that opens without a network."
    ),
    deps=["performance", "period_returns", "week_types", "entry_decisions", "market_modes"],
    group_name="reporting",
    owners=["team:research"],
    kinds={"html"},
    required_resource_keys={"desk"},
    tags={"alluse/layer": "out", STAGE_TAG: REPORT.name},
)
def performance_report(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    """Write the page."""
    from alluse_assets.orchestration.report_pages import write_report

    desk: Desk = context.resources.desk
    services = desk.services
    page = write_report(
        services.store, services.calendar, desk.book, services.installation.reports, desk.compared_floors()
    )
    return dg.MaterializeResult(
        metadata={"page": dg.MetadataValue.path(page), "size_bytes": page.stat().st_size}
    )


class ExportRequest(dg.Config):
    """Which file to write, from which book up to which day."""

    out: str = Field(default="", description="Path of the file; empty: exports/BOOK.duckdb in ALLUSE_HOME.")
    book: str = Field(default="", description="One book, or * for all; empty: the book of this graph.")
    as_of: str = Field(default="", description="Last day that counts, YYYY-MM-DD; empty: all there is.")


@dg.asset(
    name="research_export",
    description=(
        "One DuckDB file with everything a researcher needs: bars, chains, surfaces, candidates, the journal "
        "and every table made from it, with comments and a data dictionary."
        "\n\n**How it is made:** written to a new file that takes the old one's place at the end, so an open "
        "file is never changed. With an as-of day nothing later is in it."
    ),
    deps=[
        *("performance", "period_returns", "week_types", "entry_candidates", "indicators"),
        *("option_chains", "implied_forwards", "surfaces", "model_values"),
    ],
    group_name="reporting",
    owners=["team:research"],
    kinds={"duckdb"},
    required_resource_keys={"desk"},
    tags={"alluse/layer": "out"},
)
def research_export(context: dg.AssetExecutionContext, config: ExportRequest) -> dg.MaterializeResult[None]:
    """Write the file."""
    from alluse_assets.adapters.duckdb_export import export_duckdb

    desk: Desk = context.resources.desk
    services = desk.services
    out = Path(config.out) if config.out else services.installation.home / "exports" / f"{desk.book}.duckdb"
    out.parent.mkdir(parents=True, exist_ok=True)
    book = None if config.book == "*" else config.book or desk.book
    as_of = date.fromisoformat(config.as_of) if config.as_of else None
    report = export_duckdb(
        out,
        services.lake,
        services.store,
        services.calendar,
        book,
        as_of,
        lambda name, done, total: desk.progress.step(f"exporting {name}", done, total),
    )
    return dg.MaterializeResult(
        metadata={
            "file": dg.MetadataValue.path(report.path),
            "size_bytes": report.size_bytes,
            "rows": counts_table(report.rows, "table"),
        }
    )
