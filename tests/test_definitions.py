"""The code location: it loads quickly and quietly, and every asset says what it is and whose it is."""

import subprocess
import sys

import dagster as dg
import pytest

from alluse_assets.base.errors import ConfigError
from alluse_assets.definitions import build_defs, defs, key_prefix, profile_of
from alluse_assets.orchestration.stages import STAGE_TAG, STAGES

SPECS = {spec.key: spec for spec in defs.resolve_all_asset_specs()}
HEAVY = (
    "apprise",
    "great_expectations",
    "streamlit",
    "duckdb",
    "plotly",
    "numba",
    "pandas",
    "exchange_calendars",
)


def test_the_code_location_loads_without_a_warning_or_a_heavy_module():
    script = (
        "import sys, alluse_assets.definitions as d; d.defs.get_repository_def(); "
        f"print([m for m in {HEAVY} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-W", "default", "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr
    ours = [line for line in done.stderr.splitlines() if "alluse_assets" in line or "jobs/" in line]
    assert ours == []


@pytest.mark.parametrize("key", sorted(SPECS), ids=lambda key: key.to_user_string())
def test_an_asset_says_what_it_is_and_whose(key):
    spec = SPECS[key]
    assert spec.group_name not in (None, "default")
    assert spec.owners
    assert spec.kinds
    assert "How it is made" in (spec.description or "")
    assert spec.tags["alluse/layer"] in ("raw", "core", "out")


@pytest.mark.parametrize("key", sorted(SPECS), ids=lambda key: key.to_user_string())
def test_the_columns_of_a_table_are_described_with_their_units(key):
    schema = SPECS[key].metadata.get("dagster/column_schema")
    if schema is None:
        without = ("trading_journal", "performance_report", "research_export", "served_series")
        assert key.path[-1] in without
        return
    columns = {column.name: column for column in schema.columns}
    assert all(column.description for column in columns.values())
    priced = [column for name, column in columns.items() if name in ("close", "strike", "bid", "nav")]
    assert all("[USD" in column.description for column in priced)


def test_only_the_books_own_assets_have_its_name_as_prefix():
    shared = {key.to_user_string() for key in SPECS if len(key.path) == 1}
    assert shared == {
        *("raw_bars", "rates", "corporate_actions", "bars", "indicators"),
        *("raw_option_quotes", "option_quotes", "option_chains"),
        *("share_quotes", "intraday_bars", "option_ticks", "premium_snapshots", "served_series"),
        *("implied_forwards", "surfaces", "model_values"),
    }
    assert {key.path[0] for key in SPECS if len(key.path) > 1} == {"sample"}


def test_the_graph_runs_from_a_raw_quote_to_the_performance_report():
    graph = defs.resolve_asset_graph()
    report = dg.AssetKey(["sample", "performance_report"])
    upstream = {key.path[-1] for key in graph.get_ancestor_asset_keys(report)}
    assert {
        *("raw_bars", "bars", "raw_option_quotes", "option_quotes", "option_chains", "rates"),
        *(
            "surfaces",
            "market_mode_guesses",
            "entry_candidates",
            "trading_journal",
            "net_asset_value",
            "week_types",
        ),
    } <= upstream


def test_a_session_of_the_journal_depends_on_the_session_before():
    journal = dg.AssetKey(["sample", "trading_journal"])
    assert journal in defs.resolve_asset_graph().get(journal).parent_keys


def test_a_step_s_tables_come_after_those_of_the_step_that_they_are_made_from():
    """Dagster stops a run otherwise; sets would order them by the process's hash seed."""
    for assets in defs.resolve_asset_graph().assets_defs:
        seen = set()
        for spec in assets.specs:
            own = {dep.asset_key for dep in spec.deps} & {s.key for s in assets.specs} - {spec.key}
            assert own <= seen, spec.key
            seen.add(spec.key)


def test_each_stage_job_makes_the_assets_of_its_stage_and_no_others():
    for stage in STAGES:
        job = defs.resolve_job_def(stage.job_name)
        wanted = {key for key, spec in SPECS.items() if spec.tags.get(STAGE_TAG) == stage.name}
        assert job.asset_layer.selected_asset_keys == wanted
        assert job.partitions_def == stage.partitions


def test_tables_are_judged_by_blocking_checks_and_a_fit_by_one_that_warns():
    checks = {
        (spec.asset_key.to_user_string(), spec.name): spec.blocking
        for check in defs.asset_checks
        for spec in check.check_specs
    }
    judged = ("bars", "option_quotes", "implied_forwards", "surfaces", "model_values")
    assert checks == {
        **{(asset, "description_holds"): True for asset in judged},
        **{(asset, "quarantined_share"): True for asset in ("bars", "option_quotes")},
        ("surfaces", "fit_report"): False,
    }


def test_the_jobs_that_people_start_are_there_and_schedules_are_stopped():
    names = {job.name for job in defs.get_repository_def().get_all_jobs()}
    assert {"weekly_cycle", "replay", "export"} <= names
    assert {s.name for s in defs.schedules} >= {"live_snapshot_schedule", "live_session_schedule"}
    assert {s.default_status for s in defs.schedules} == {dg.DefaultScheduleStatus.STOPPED}


def test_sensors_are_stopped_until_somebody_starts_them():
    assert {s.name: s.default_status for s in defs.sensors} == {"notifier": dg.DefaultSensorStatus.STOPPED}


def test_another_book_has_the_same_graph_under_its_own_name():
    other = {s.key for s in build_defs(book="sp-x.2").resolve_all_asset_specs()}
    assert {key.path[-1] for key in other} == {key.path[-1] for key in SPECS}
    assert dg.AssetKey([key_prefix("sp-x.2"), "net_asset_value"]) in other


def test_a_book_runs_on_the_profile_that_is_called_like_it():
    assert (profile_of("spx_2019"), profile_of("mine")) == ("spx_2019", "sample")


def test_an_override_takes_the_place_of_a_resource():
    marker = object()
    assert build_defs({"progress": marker}).resources["progress"] is marker


def test_a_profile_with_faults_stops_the_start(monkeypatch):
    monkeypatch.setenv("ALLUSE__ENTRY__NO_SUCH_SETTING", "1")
    with pytest.raises(ConfigError, match="NO_SUCH_SETTING"):
        build_defs()


@pytest.mark.filterwarnings("ignore::dagster_shared.utils.warnings.PreviewWarning")
def test_what_a_live_market_makes_has_a_freshness_policy_and_history_has_none(tmp_path):
    profile = tmp_path / "live.yaml"
    profile.write_text("market: {source: live, routes: {default: [alpaca]}}")
    live = build_defs(book="mine", profile=str(profile)).resolve_all_asset_specs()
    fresh = {spec.key.path[-1] for spec in live if spec.freshness_policy}
    assert fresh == {"share_quotes", "intraday_bars", "option_ticks", "premium_snapshots"}
    assert not any(spec.freshness_policy for spec in SPECS.values())
