"""Weeks as assets: the mode guessed before each of them, and what it turned out to be.

Surface. A weekly asset takes its sessions from our calendar, never from the keys that Dagster maps.
"""

from __future__ import annotations

from alluse_assets.orchestration.asset_factory import Made, table_assets
from alluse_assets.orchestration.asset_metadata import Trend
from alluse_assets.orchestration.partitions import SAME_TIME, Span, depends_on
from alluse_assets.orchestration.resources import Desk
from alluse_assets.orchestration.stages import GUESS, REVIEW
from alluse_assets.weeks.guesses import MODE_GUESSES, guess_rows
from alluse_assets.weeks.tables import MARKET_MODES, WEEK_TYPES

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
    stage=GUESS,
    group=GROUP,
    owner="team:trading",
)
def market_mode_guesses(desk: Desk, span: Span) -> None:
    """A guess for each week of the span that the book trades."""
    start = max(span.start, desk.first_session)
    weeks = desk.services.calendar.weeks(start, span.end)
    feeds = desk.feeds(desk.services.calendar.session_on_or_before(span.end))
    place_of = desk.chosen.timeline.place
    rows = guess_rows(feeds[place_of(max(week.first, desk.first_session))].guess_for(week) for week in weeks)
    desk.services.lake.write(
        MODE_GUESSES, desk.lake_source("book"), rows, replacing=[week.monday for week in weeks]
    )
    desk.progress.step("market-mode guesses", len(weeks), len(weeks))


@table_assets(
    Made(
        MARKET_MODES,
        "projected from the journal: the guess that was traded on and what the week's own bars confirmed.",
        Trend("hit_rate", label="share of right guesses so far"),
        deps=["market_mode_guesses", depends_on("trading_journal", SAME_TIME)],
    ),
    Made(
        WEEK_TYPES,
        "the protocol's table applied to the facts of each week, which the journal holds: first match wins.",
        deps=[depends_on("trading_journal", SAME_TIME)],
    ),
    name="week_review",
    scope="book",
    stage=REVIEW,
    group=GROUP,
    owner="team:research",
)
def week_review(desk: Desk, span: Span) -> None:
    """What each week turned out to be."""
    desk.rebuild(MARKET_MODES, WEEK_TYPES)
    desk.progress.step("week types", len(span.keys), len(span.keys))
