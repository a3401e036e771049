"""The weekly cycle: done once it is done, the same in one go, in parts and through kills."""

import json
import os
import subprocess
import sys
from datetime import UTC, date, datetime

import polars as pl
import pytest
from dagster import DagsterRunStatus, RunsFilter

from alluse_assets.accounts.config_changes import decide_change
from alluse_assets.accounts.tables import CONFIG_VERSIONS
from alluse_assets.adapters.sample_market import SampleMarket
from alluse_assets.base.errors import ConflictError, DataError
from alluse_assets.base.quarantine import QUARANTINE
from alluse_assets.definitions import build_defs
from alluse_assets.execution.tables import ORDERS
from alluse_assets.ledger.tables import NET_ASSET_VALUE
from alluse_assets.market_data.tables import BARS, INDICATORS, RAW_BARS
from alluse_assets.orchestration.config_journal import append_decided
from alluse_assets.orchestration.materialise import CYCLE_TAG, materialise_range
from alluse_assets.orchestration.stages import MARKET, STAGES
from alluse_assets.strategies.candidates import CANDIDATES
from alluse_assets.weeks.tables import WEEK_TYPES
from tests.orchestration.cycle import BOOK, Steps, opened, run, state
from tests.paths import ROOT

MIDDLE, END = date(2011, 1, 12), date(2011, 2, 4)


@pytest.fixture(scope="module")
def in_two_parts(installation):
    """The state after a run to the middle of a week and a month, and another one to the end."""
    assert all(outcome.ran for outcome in run(MIDDLE))
    assert all(outcome.ran for outcome in run(END))
    return state(installation)


@pytest.mark.timeout(280)
def test_kills_anywhere_end_in_the_state_of_undisturbed_runs(in_two_parts, another_installation):
    deadly = ["bars 2/2", "implied volatility", "trading 2011-01-19", "ledger"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ALLUSE", "DAGSTER"))}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.orchestration.cycle", END.isoformat(), *deadly],
        env={**kept, **another_installation},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
    )
    assert json.loads(done.stdout.splitlines()[-1]) == [-9, -9, -9, -9, 0]
    assert state(another_installation) == in_two_parts
    with opened(Steps()) as (_, instance):
        runs = instance.get_runs(RunsFilter(tags={CYCLE_TAG: BOOK}))
    assert {r.status for r in runs} == {DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE}


def test_a_second_run_does_nothing(in_two_parts, installation):
    assert not any(outcome.ran for outcome in run(END))
    assert state(installation) == in_two_parts


def test_what_was_made_from_rows_that_were_corrected_since_is_made_again(another_installation):
    run(MIDDLE)
    with opened(Steps()) as (desk, _):
        lake = desk.services.lake
        bar = lake.read(RAW_BARS, "sample", MIDDLE, MIDDLE, where=pl.col("symbol") == "IBM")
        lake.write(RAW_BARS, "sample", bar.with_columns(volume=pl.lit(1)))
        assert [one.month for one in lake.stale(BARS, "sample")] == ["2011-01"]
    assert [outcome.stage.name for outcome in run(MIDDLE) if outcome.ran] == [s.name for s in STAGES]
    with opened(Steps()) as (desk, _):
        assert desk.services.lake.stale(BARS, "sample") == []
        assert [v.number for v in desk.services.lake.versions(RAW_BARS, "sample", "2011-01")] == [1, 2, 3]
    assert not any(outcome.ran for outcome in run(MIDDLE))


def test_a_change_between_two_runs_counts_from_the_next_session_on(another_installation):
    """The month grows, so all of it is made again: closed sessions keep what they were decided on."""
    run(MIDDLE)
    legs = "accounts.rev.puts"
    values = [(f"{legs}.delta_low", "15"), (f"{legs}.delta_high", "25"), (f"{legs}.min_premium_yield", "0")]
    with opened(Steps()) as (desk, _):
        services, source = desk.services, f"book={BOOK}"
        kept = services.lake.read(CANDIDATES, source)
        append_decided(
            services.store,
            services.anchors,
            BOOK,
            lambda: datetime(2026, 1, 2, tzinfo=UTC),
            lambda now: decide_change(now.state, now.kind, values, "less risk", "ann", now.at),
        )
    run(END)
    with opened(Steps()) as (desk, _):
        lake = desk.services.lake
        closed = pl.col("session") <= MIDDLE
        assert lake.read(CANDIDATES, source, where=closed).equals(kept)
        orders = lake.read(ORDERS, source)
        versions = lake.read(CONFIG_VERSIONS, source)
    assert set(orders.filter(closed)["config_version"]) == {1}
    assert set(orders.filter(~closed)["config_version"]) == {2}
    puts = orders.filter(~closed, pl.col("account") == "REV-1", pl.col("purpose") == "open_put")
    assert puts.height
    assert puts["delta_points"].max() <= 25
    assert versions["session"].unique().sort().to_list() == [date(2011, 1, 3), MIDDLE]


def test_every_session_and_week_of_the_range_has_its_rows(in_two_parts, installation):
    with opened(Steps()) as (desk, _):
        lake, sessions = desk.services.lake, desk.services.calendar.sessions(date(2011, 1, 3), END)
        values = lake.read(NET_ASSET_VALUE, f"book={BOOK}")
        weeks = lake.read(WEEK_TYPES, f"book={BOOK}")
    assert values["session"].unique().sort().to_list() == sessions
    assert weeks["week"].unique().sort().to_list() == [date(2011, 1, 3 + 7 * n) for n in range(4)] + [
        date(2011, 1, 31)
    ]


def test_a_lake_that_was_lost_is_made_again(in_two_parts, installation):
    with opened(Steps()) as (desk, instance):
        folder = desk.services.lake.root / NET_ASSET_VALUE.name
        folder.rename(folder.with_name("lost"))
        ran = {outcome.stage.name for outcome in materialise_range(desk, instance, None, END) if outcome.ran}
        for path in sorted(folder.with_name("lost").rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        folder.with_name("lost").rmdir()
    assert ran == {"trading", "review", "report"}
    assert state(installation) == in_two_parts


def test_two_cycles_of_one_book_at_once_are_refused(in_two_parts, monkeypatch):
    monkeypatch.setattr("alluse_assets.orchestration.materialise._LEASE_SECONDS", 0.1)
    with (
        opened(Steps()) as (desk, _),
        opened(Steps()) as (other, instance),
        desk.services.store.lease(f"weekly cycle of {BOOK}", 1.0),
        pytest.raises(ConflictError, match="weekly cycle of sample"),
    ):
        list(materialise_range(other, instance, None, END))


def test_a_job_of_the_graph_is_found_by_the_ui(in_two_parts, installation):
    with opened(Steps()) as (_, instance):
        runs = instance.get_runs(RunsFilter(tags={".dagster/repository": "__repository__@alluse"}))
    assert {run.job_name for run in runs} == {stage.job_name for stage in STAGES}


class FaultySource(SampleMarket):
    """The sample market, but every tenth bar has a negative close."""

    def bars(self, symbols, start, end):
        rows = super().bars(symbols, start, end)
        tenth = pl.int_range(pl.len()) % 10 == 0
        return rows.with_columns(close=pl.when(tenth).then(-pl.col("close")).otherwise(pl.col("close")))


def test_too_many_refused_rows_stop_what_is_downstream(another_installation):
    with opened(Steps()) as (desk, instance):
        real = desk.steps
        vars(desk)["steps"] = type(real)(real.lake, real.config, real.calendar, FaultySource(real.calendar))
        with pytest.raises(DataError, match="quarantined_share"):
            list(materialise_range(desk, instance, None, MIDDLE))
        lake = desk.services.lake
        refused = lake.read(QUARANTINE, "sample", where=pl.col("table") == "bars")
        assert set(refused["rule"]) == {"negative_price"}
        assert lake.months(INDICATORS, "sample") == []
        # The limit is the operator's: with a higher one the same rows go on.
        job = build_defs({"desk": desk, "progress": desk.progress}).resolve_job_def(MARKET.job_name)
        done = job.execute_in_process(
            instance=instance,
            tags={
                "dagster/asset_partition_range_start": "2009-12",
                "dagster/asset_partition_range_end": "2011-01",
            },
            run_config={"ops": {"bars_quarantined_share": {"config": {"blocking_share": 0.2}}}},
        )
        assert done.success
        assert lake.months(INDICATORS, "sample")
