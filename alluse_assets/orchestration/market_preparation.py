"""What of a market has to be made before a book can be replayed, and making it.

Here: which months are missing, out of date or priced on other terms. The steps that make them are in
``market_steps``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

import polars as pl

from alluse_assets.accounts.config_in_force import ConfigTimeline
from alluse_assets.adapters.lake.lake import Lake
from alluse_assets.base.errors import MissingDataError
from alluse_assets.base.table_catalog import Table
from alluse_assets.market_data.tables import BARS, RAW_BARS
from alluse_assets.option_chains.rate_curve import with_rates
from alluse_assets.option_chains.surface.tables import IMPLIED_FORWARDS, MODEL_VALUES, SURFACES
from alluse_assets.option_chains.tables import OPTION_CHAINS, OPTION_QUOTES, RAW_OPTION_QUOTES
from alluse_assets.orchestration.market_steps import Counts, MarketSteps, month_end, months_of


def prepare_market(
    steps: MarketSteps,
    book: str,
    first_session: date,
    end: date,
    on_step: Callable[[int, int], None] | None = None,
    timeline: ConfigTimeline | None = None,
) -> None:
    """Everything a replay of ``book`` from ``first_session`` to ``end`` reads, as far as it is missing.

    Data that is there is not made again, except the book's candidates of sessions that are not closed yet:
    they depend on its configuration. ``timeline`` is that of an existing book.
    """
    warm = steps.calendar.previous_session(first_session, steps.config.market.warm_up_sessions)
    if steps.source is None:
        judge_files(steps)
    else:
        without_bars = unfinished_months(steps, BARS, warm, end)
        if without_bars:
            steps.collect_bars(without_bars[0][0], without_bars[-1][1])
            steps.validate_bars(without_bars[0][0], without_bars[-1][1])
    months = months_to_price(steps, first_session, end)
    total = 2 + len(months)
    done = 1
    for first, last in months:
        if on_step:
            on_step(done, total)
        if steps.source is not None:
            steps.collect_quotes(first, last)
            steps.validate_quotes(first, last)
        steps.price_chains(first, last)
        steps.fit_surfaces(first, last)
        done += 1
    if on_step:
        on_step(done, total)
    if not steps.lake.files(OPTION_CHAINS, steps.market, first_session, end):
        raise MissingDataError(
            f"no option quotes from {first_session} to {end} in the lake (source {steps.market}): "
            "ingest them with `alluse ingest --path FILE_OR_FOLDER`"
        )
    steps.screen_entries(book, first_session, first_session, end, timeline)


def judge_files(steps: MarketSteps, on_month: Callable[[int, int], None] | None = None) -> Counts:
    """Judge the months of files that were taken in since they were judged last; nothing to do is quick.

    ``on_month`` hears how many months are done, of how many.
    """
    total = Counts(0)
    work = []
    for raw, clean, judge in (
        (RAW_BARS, BARS, steps.validate_bars),
        (RAW_OPTION_QUOTES, OPTION_QUOTES, steps.validate_quotes),
    ):
        changed = {one.month for one in steps.lake.stale(clean, steps.market) if one.changed}
        done = set(steps.lake.months(clean, steps.market)) - changed
        work += [(judge, month) for month in steps.lake.months(raw, steps.market) if month not in done]
    for place, (judge, month) in enumerate(work, start=1):
        first = date.fromisoformat(f"{month}-01")
        found = judge(first, month_end(first))
        total = Counts(total.rows + found.rows, total.quarantined + found.quarantined)
        if on_month:
            on_month(place, len(work))
    return total


def months_to_price(steps: MarketSteps, start: date, end: date) -> list[tuple[date, date]]:
    """Months whose chains or surfaces are missing, older than their quotes, or of other terms."""
    found = set(months_priced_otherwise(steps, start, end))
    for table in (OPTION_CHAINS, IMPLIED_FORWARDS, SURFACES, MODEL_VALUES):
        found |= set(missing_months(steps.lake, table, steps.market, start, end))
    # A process that was killed in between leaves some made of what was before.
    changed = {
        one.month
        for table in (OPTION_CHAINS, IMPLIED_FORWARDS, SURFACES, MODEL_VALUES)
        for one in steps.lake.stale(table, steps.market)
        if one.changed
    } | _months_without_a_ticker(steps, start, end)
    return sorted(found | {span for span in months_of(start, end) if f"{span[0]:%Y-%m}" in changed})


def months_priced_otherwise(steps: MarketSteps, start: date, end: date) -> list[tuple[date, date]]:
    """Months whose chains were made with another yield, rate or exercise style than is configured now.

    Chains are shared by the books of a market, so one that was priced for another configuration is
    priced again: what a replay reads depends on its own configuration alone. What the quotes told
    themselves (table implied_forwards) is not the configuration's.
    """
    terms = ["session", "underlying", "expiry", "rate_annual", "dividend_yield_annual", "status"]
    used = steps.lake.read(IMPLIED_FORWARDS, steps.market, start, end, columns=terms)
    if used.is_empty():
        return []
    yields = steps.config.market.dividend_yields
    expected = pl.col("underlying").replace_strict(
        {symbol: yields.get(symbol, 0.0) for symbol in used["underlying"].unique()},
        return_dtype=pl.Float64,
    )
    dated = used.with_columns(
        used_rate="rate_annual", dte_days=(pl.col("expiry") - pl.col("session")).dt.total_days()
    ).drop("rate_annual")
    other_yield = (pl.col("dividend_yield_annual") - expected).abs() > 1e-9
    other_rate = (pl.col("used_rate") - pl.col("rate_annual")).abs() > 1e-6
    is_index = pl.col("underlying").is_in(sorted(steps.config.market.index_options))
    other_style = (pl.col("status") != "zero_time") & ((pl.col("status") == "american") == is_index)
    sessions = with_rates(dated, steps.rates(end)).filter(
        other_style
        | (other_yield & pl.col("status").is_in(["ok", "forward_only"]).not_())
        | (other_rate & (pl.col("status") != "ok"))
    )["session"]
    return sorted({(day.replace(day=1), month_end(day)) for day in sessions.unique()})


def missing_months(
    lake: Lake, table: Table, market: str, start: date, end: date
) -> Sequence[tuple[date, date]]:
    """Months of the range that ``table`` has nothing of yet."""
    there = set(lake.months(table, market))
    return [(first, last) for first, last in months_of(start, end) if f"{first:%Y-%m}" not in there]


def unfinished_months(
    steps: MarketSteps, table: Table, start: date, end: date
) -> Sequence[tuple[date, date]]:
    """Months of the range that ``table`` has nothing of, or not up to their last session in the range."""
    reached = {
        one.month: date.fromisoformat(one.last)
        for one in steps.lake.manifests(table, steps.market, start, end)
        if one.last
    }
    found = []
    for first, last in months_of(start, end):
        sessions = steps.calendar.sessions(max(first, start), min(last, end))
        if sessions and reached.get(f"{first:%Y-%m}", date.min) < sessions[-1]:
            found.append((first, last))
    return found


def _months_without_a_ticker(steps: MarketSteps, start: date, end: date) -> set[str]:
    """Months that were priced for a book with other tickers."""
    quoted, priced = (
        steps.lake.scan(table, steps.market, start, end, columns=["session", "underlying"])
        .select(month=pl.col("session").dt.strftime("%Y-%m"), underlying="underlying")
        .unique()
        .collect()
        for table in (OPTION_QUOTES, OPTION_CHAINS)
    )
    left = quoted.join(priced, on=["month", "underlying"], how="anti")
    return set(left.filter(pl.col("underlying").is_in(steps.underlyings()))["month"])
