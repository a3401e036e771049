"""One configuration has one canonical form and one fingerprint, wherever its values came from."""

import hashlib
import json
import os
import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from alluse_assets.base.config import ProtocolConfig
from alluse_assets.base.config.config_manager import (
    Change,
    StoredVersion,
    canonical,
    diff,
    fingerprint,
    from_canonical,
    load,
    with_values,
)
from alluse_assets.base.config.settings_tree import settings
from tests.paths import ROOT

CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "accounts.gen.buffer_share": st.floats(0, 1),
        "accounts.com.puts.min_premium_yield": st.floats(0, 1) | st.sampled_from([0, 1]),
        "book.lump_sum_usd": st.decimals(100_000, 10_000_000, places=2),
        "book.replay_start": st.dates(),
        "entry.min_open_interest": st.integers(0, 10**6),
        "entry.early_close_window_start": st.sampled_from(["09:30", "10:59"]),
        "accounts.rev.tickers": st.lists(
            st.sampled_from(["AAPL", "ON", "TRUE", "NO"]), min_size=1, unique=True
        ),
        "market.dividend_yields": st.dictionaries(st.sampled_from(["SPX", "NDX"]), st.floats(-0.05, 0.5)),
        "market.flat_rate_annual": st.none() | st.floats(-0.05, 0.5),
        "paper.early_assignment": st.booleans(),
        "merge.shares": st.sampled_from(["sell", "move"]),
    },
)


def has_float(form):
    if isinstance(form, dict):
        return any(has_float(value) for value in form.values())
    if isinstance(form, list):
        return any(has_float(value) for value in form)
    return isinstance(form, float)


@given(CHANGES)
def test_a_canonical_form_that_was_stored_gives_the_same_configuration_back(changes):
    config = with_values(ProtocolConfig(), changes)
    form = json.loads(json.dumps(canonical(config)))
    again = load("default", {}, [StoredVersion(1, form, "ann", "2026-01-05", "all of it")]).config
    assert again == config
    assert fingerprint(again) == fingerprint(config)
    assert not has_float(form)


@given(CHANGES)
def test_what_the_journal_keeps_of_a_configuration_is_the_configuration(changes):
    config = with_values(ProtocolConfig(), changes)
    assert from_canonical(json.loads(json.dumps(canonical(config)))) == config


@given(CHANGES, CHANGES)
def test_two_configurations_have_one_fingerprint_exactly_when_nothing_differs(first, second):
    a, b = with_values(ProtocolConfig(), first), with_values(ProtocolConfig(), second)
    assert (fingerprint(a) == fingerprint(b)) == (diff(a, b) == [])


def test_numbers_have_one_spelling():
    forms = [
        canonical(
            with_values(ProtocolConfig(), {"accounts.gen.buffer_share": share, "book.lump_sum_usd": usd})
        )
        for share, usd in ((0, 500_000), (0.0, 500_000.0), (-0.0, "500000.00"))
    ]
    assert forms[0] == forms[1] == forms[2]
    assert forms[0]["accounts"]["gen"]["buffer_share"] == "0"
    assert forms[0]["book"]["lump_sum_usd"] == "500000"
    assert forms[0]["entry"]["window_start"] == "10:00"
    assert forms[0]["execution"]["average_price_tolerance_share"] == "0.0001"


def test_the_fingerprint_is_sha_256_over_the_sorted_compact_json():
    config = load("sample", {}).config
    # All text is ASCII and no number is a float, so RFC 8785 is this.
    text = json.dumps(canonical(config), sort_keys=True, separators=(",", ":"))
    assert fingerprint(config) == hashlib.sha256(text.encode()).hexdigest()


def test_the_fingerprint_does_not_depend_on_the_profiles_name_or_the_layer(tmp_path):
    (tmp_path / "other.yaml").write_text("extends: sample\n")
    sample = load("sample", {}).fingerprint
    assert load(tmp_path / "other.yaml", {}).fingerprint == sample
    assert load("default", {"ALLUSE__MULTIPLIER": "100"}).fingerprint == load("default", {}).fingerprint
    assert load("default", {}).fingerprint != sample


def test_the_fingerprint_is_the_same_in_another_process_with_another_hash_seed():
    code = (
        "from alluse_assets.base.config.config_manager import load; print(load('spx_2019', {}).fingerprint)"
    )
    environ = {**os.environ, "PYTHONHASHSEED": "4711", "PYTHONPATH": str(ROOT)}
    run = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == load("spx_2019", {}).fingerprint


def test_diff_names_the_settings_that_changed_and_both_values():
    before = ProtocolConfig()
    after = with_values(before, {"accounts.gen.tickers": ["AAPL"], "multiplier": 10})
    assert diff(before, after) == [
        Change("accounts.gen.tickers", ["TSLA", "NVDA"], ["AAPL"]),
        Change("multiplier", 100, 10),
    ]


def test_every_setting_is_part_of_the_canonical_form():
    form = canonical(ProtocolConfig())
    for path in settings():
        branch = form
        for name in path:
            assert name in branch
            branch = branch[name]
