"""Weeks as assets: the mode guessed before each of them.

Surface. A weekly asset takes its sessions from our calendar, never from the keys that Dagster maps.
"""

from __future__ import annotations

from alluse_assets.orchestration.asset_factory import Made, table_assets
from alluse_assets.orchestration.asset_metadata import Trend
from alluse_assets.orchestration.partitions import SAME_TIME, WEEKS, Span, depends_on
from alluse_assets.orchestration.resources import Desk
from alluse_assets.weeks.guesses import MODE_GUESSES, guess_rows

GROUP = "weeks"


@table_assets(
    Made(
        MODE_GUESSES,
        "read from the bars of the mode symbol over the weeks before, with the protocol's two measures.",
        Trend("move", label="move of the weeks before"),
        never_empty=True,
        deps=[depends_on("bars", SAME_TIME)],
    ),
    name="market_mode_guesses",
    scope="book",
    partitions=WEEKS,
    group=GROUP,
    owner="team:trading",
)
def market_mode_guesses(desk: Desk, span: Span) -> None:
    """A guess for each week of the span that the book trades."""
    start = max(span.start, desk.first_session)
    weeks = desk.services.calendar.weeks(start, span.end)
    feed = desk.feed(desk.services.calendar.session_on_or_before(span.end))
    rows = guess_rows(feed.guess_for(week) for week in weeks)
    desk.services.lake.write(
        MODE_GUESSES, desk.lake_source("book"), rows, replacing=[week.monday for week in weeks]
    )
    desk.progress.step("market-mode guesses", len(weeks), len(weeks))
