"""The replay: another book over past sessions, outside the graph, as ``alluse replay`` does it.

For trying another profile, range or lump sum beside the book that the graph shows. Started again with
the same configuration it goes on where it was.
"""

from datetime import date
from decimal import Decimal

import dagster as dg
from pydantic import Field

from alluse_assets.orchestration.asset_metadata import counts_table
from alluse_assets.orchestration.resources import Desk


class ReplayRequest(dg.Config):
    """What to replay; an empty ``start``, ``end`` or ``lump_sum_usd`` is the profile's."""

    book: str = Field(description="Name of the book; a new one is opened.")
    profile: str = Field(default="sample", description="A shipped profile or a file.")
    start: str = Field(default="", description="First day, YYYY-MM-DD.")
    end: str = Field(default="", description="Last day, YYYY-MM-DD.")
    lump_sum_usd: str = Field(default="", description="Capital of a new book.")


@dg.op(required_resource_keys={"desk"})
def replay_book(context: dg.OpExecutionContext, config: ReplayRequest) -> None:
    """Prepare what the lake lacks, replay, project."""
    from alluse_assets.orchestration.market_preparation import prepare_market
    from alluse_assets.orchestration.projections import project_book
    from alluse_assets.reporting.summary import summarise

    own: Desk = context.resources.desk
    lump_sum = Decimal(config.lump_sum_usd) if config.lump_sum_usd else None
    desk = Desk(own.services, config.book, config.profile, own.progress, lump_sum)
    services, first = desk.services, _day(config.start) or desk.first_session
    last = desk.last_day(_day(config.end))
    prepare_market(desk.steps, desk.book, first, last, timeline=desk.chosen.timeline)
    head = desk.replay().run(first, last)
    project_book(services.store, services.lake, services.calendar, desk.book)
    summary = summarise(desk.book, list(services.store.read(desk.book)), services.calendar)
    context.add_output_metadata(
        {
            "net asset value, USD": float(summary.nav),
            "sessions": summary.sessions,
            "fills": summary.fills,
            "head": head.hash.hex(),
            "week types": counts_table(summary.week_types, "week type"),
        }
    )


@dg.job(description=(__doc__ or "").strip())
def replay() -> None:
    """Assembles the job."""
    replay_book()


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None
