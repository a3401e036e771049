"""Layers, origins, and errors that tell every fault at once with its place."""

from datetime import date, time
from decimal import Decimal

import pytest
from pydantic import ValidationError

from alluse_assets.base.config import ProtocolConfig
from alluse_assets.base.config.config_manager import StoredVersion, load, with_values
from alluse_assets.base.config.model_fields import Contradiction
from alluse_assets.base.errors import ConfigError


def stored(number, **values):
    return StoredVersion(
        number,
        {name.replace("__", "."): value for name, value in values.items()},
        "ann",
        "2026-01-05",
        "test",
    )


@pytest.fixture
def profile(tmp_path):
    def write(text, name="live.yaml"):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


def faults_of(*args, **kwargs):
    with pytest.raises(ConfigError) as caught:
        load(*args, **kwargs)
    return str(caught.value)


def test_the_default_profile_changes_nothing():
    effective = load("default", {})
    assert effective.config == ProtocolConfig()
    assert {origin.layer for origin in effective.origins.values()} == {"default"}


def test_each_layer_counts_more_than_the_one_before(profile):
    path = profile(
        "accounts:\n  gen:\n    buffer_share: 0.06\n  rev:\n    buffer_share: 0.06\nmultiplier: 50\n"
    )
    environ = {"ALLUSE__ACCOUNTS__GEN__BUFFER_SHARE": "0.07", "ALLUSE__ACCOUNTS__REV__BUFFER_SHARE": "0.07"}
    later, earlier = (
        stored(2, accounts__gen__buffer_share="0.09"),
        stored(1, accounts__gen__buffer_share=0.08),
    )
    effective = load(path, environ, [later, earlier])
    assert effective.config.accounts.gen.buffer_share == 0.09
    assert effective.config.accounts.rev.buffer_share == 0.07
    assert effective.config.accounts.com.buffer_share == 0.05
    assert effective.origins["accounts.gen.buffer_share"].place == "version 2 by ann at 2026-01-05: test"
    assert (
        effective.origins["accounts.rev.buffer_share"].place
        == "environment variable ALLUSE__ACCOUNTS__REV__BUFFER_SHARE"
    )
    assert effective.origins["multiplier"].place == f"{path} line 6"
    assert effective.origins["accounts.com.buffer_share"].place == "default"


def test_values_of_the_environment_are_read_as_yaml():
    config = load(
        "default",
        {
            "ALLUSE__ACCOUNTS__GEN__TICKERS": "[AAPL, ON]",
            "ALLUSE__ENTRY__WINDOW_START": "10:15",
            "ALLUSE__BOOK__LUMP_SUM_USD": "250000.50",
            "ALLUSE__BOOK__REPLAY_START": "2011-01-03",
            "ALLUSE__MARKET__FLAT_RATE_ANNUAL": "0.01",
            "ALLUSE__PAPER": "{early_assignment: false, seed: 7}",
            "ALLUSE_DATABASE_URL": "another matter",
        },
    ).config
    assert config.accounts.gen.tickers == ("AAPL", "ON")
    assert config.entry.window_start == time(10, 15)
    assert config.book.lump_sum_usd == Decimal("250000.50")
    assert config.book.replay_start == date(2011, 1, 3)
    assert config.market.flat_rate_annual == 0.01
    assert (config.paper.early_assignment, config.paper.seed) == (False, 7)


def test_an_empty_variable_means_empty_where_that_is_allowed_and_is_refused_elsewhere():
    assert load("spx_2019", {"ALLUSE__MARKET__FLAT_RATE_ANNUAL": ""}).config.market.flat_rate_annual is None
    assert "found nothing" in faults_of("default", {"ALLUSE__MULTIPLIER": ""})


def test_an_unknown_variable_is_refused_and_the_near_one_named():
    message = faults_of("default", {"ALLUSE__ACCOUNTS__GEN__BUFER_SHARE": "0.1"})
    assert message == (
        "ALLUSE__ACCOUNTS__GEN__BUFER_SHARE: there is no such setting; did you mean "
        "ALLUSE__ACCOUNTS__GEN__BUFFER_SHARE? (environment variable ALLUSE__ACCOUNTS__GEN__BUFER_SHARE)"
    )


def test_a_band_upside_down_names_both_ends_both_values_and_the_line(profile):
    path = profile("accounts:\n  gen:\n    puts:\n      delta_low: 50\n      delta_high: 40\n")
    message = faults_of(path, {})
    assert message == f"accounts.gen.puts.delta_low: 50 is above delta_high 40 ({path} line 4)"


def test_a_contradiction_with_a_default_points_to_what_was_set(profile):
    path = profile("accounts:\n  gen:\n    puts:\n      delta_high: 30\n")
    assert faults_of(path, {}) == f"accounts.gen.puts.delta_low: 40 is above delta_high 30 ({path} line 4)"


def test_all_faults_of_all_layers_are_told_at_once(profile):
    path = profile(
        "acounts: {}\n"
        "entry:\n"
        "  window_start: 12:00\n"
        "  min_open_interest: -1\n"
        "  min_open_interest: 5\n"
        "market:\n"
        "  source: fils\n"
    )
    message = faults_of(
        path, {"ALLUSE__MULTIPLIER": "x", "ALLUSE__NO": "1"}, [stored(1, merge__shares="keep")]
    )
    assert message.startswith("the configuration has 7 faults:")
    for part in (
        f"acounts: there is no such setting; did you mean accounts? ({path} line 1)",
        f"entry.min_open_interest is set twice, first in line 4 ({path} line 5)",
        f"entry.min_open_interest: found -1; should be a whole number, at least 0 ({path} line 4)",
        f"market.source: found the text 'fils'; should be one of sample, files, live ({path} line 7)",
        "multiplier: found the text 'x'; should be a whole number from 1 to 10000 (environment variable",
        "ALLUSE__NO: there is no such setting",
        "merge.shares: found the text 'keep'; should be one of sell, move (version 1 by ann at 2026-01-05:",
    ):
        assert part in message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("accounts: {gen: {buffer_share: 0.4x}}", "found the text '0.4x'; should be a number from 0 to 1"),
        ("accounts: {gen: {buffer_share: true}}", "found true; should be a number from 0 to 1"),
        ("accounts: {gen: {buffer_share: '0.4'}}", "found the text '0.4'; should be a number from 0 to 1"),
        ("accounts: {gen: {buffer_share: 1.01}}", "found 1.01; should be a number from 0 to 1"),
        ("accounts: {gen: {buffer_share: [0.4]}}", "found a list; should be a number from 0 to 1"),
        ("accounts: {gen: {take_profit_decay: 0.49}}", "should be a number from 0.5 to 0.8"),
        ("accounts: {gen: {tickers: AAPL}}", "should be a list, each a symbol"),
        (
            "accounts: {gen: {tickers: [AAPL, TRUE]}}",
            "accounts.gen.tickers.1: found true; should be a symbol",
        ),
        ("accounts: {gen: {tickers: [AAPL, aapl]}}", "accounts.gen.tickers.1: found the text 'aapl'"),
        ("accounts: {gen: {tickers: [AAPL, AAPL]}}", "accounts.gen.tickers: AAPL is named twice"),
        ("accounts: {gen: {tickers: []}}", "none, though puts or calls are enabled"),
        ("accounts: {gen: {ticker_weights: {TSLA: 1}}}", "NVDA is not in both"),
        ("accounts: {gen: {ticker_weights: {TSLA: 1, NVDA: 0}}}", "every weight must be above 0"),
        ("accounts: {gen: {puts: {entry_weekdays: [Sat]}}}", "should be one of Mon, Tue, Wed, Thu, Fri"),
        ("accounts: {gen: {puts: {entry_weekdays: []}}}", "none, though enabled"),
        ("accounts: {gen: {puts: {dte_low: 1.5}}}", "should be a whole number"),
        ("accounts: {gen: {puts: {enabled: 1}}}", "found 1; should be true or false"),
        ("accounts: {gen: 3}", "accounts.gen: found 3; should be a mapping with any of buffer_share"),
        ("accounts: {gen: {targets: {weekly_low: 0.03}}}", "0.03 is above weekly_high 0.02"),
        ("book: {lump_sum_usd: 99999.99}", "found 99999.99; should be an amount from 100000 to 10000000"),
        ("book: {lump_sum_usd: true}", "found true; should be an amount"),
        ("book: {lump_sum_usd: 1e999}", "should be an amount"),
        ("book: {lump_sum_usd: 1 million}", "found the text '1 million'"),
        ("book: {split: {gen: 0.5}}", "0.5 + rev 0.3 + com 0.3 is 1.1, not 1"),
        ("book: {replay_start: 2012-01-03, replay_end: 2011-01-03}", "is after replay_end 2011-01-03"),
        ("book: {replay_start: January}", "should be a date YYYY-MM-DD, or empty"),
        ("entry: {window_start: 25:00}", "should be a time HH:MM"),
        ("entry: {window_start: 600}", "should be a time HH:MM"),
        ("entry: {early_close_window_start: 11:00}", "11:00 is not before window_end 11:00"),
        (
            "market: {index_options: {SPX: {pm_rots: [SPXW]}}}",
            "market.index_options.SPX.pm_roots: is missing",
        ),
        ("market: {index_options: {SPX: {pm_rots: [SPXW]}}}", "did you mean pm_roots?"),
        ("market: {index_options: {SPX: {pm_roots: [SPX], am_roots: [SPX]}}}", "SPX is also in am_roots"),
        ("market: {dividend_yields: {spx: 0.1}}", "market.dividend_yields.spx"),
        ("market: {dividend_yields: {SPX: 2}}", "found 2; should be less than or equal to 0.5"),
        ("protection: {level_1_atr: 2}", "level_1_atr: 2 is not under level_2_atr 2"),
        ("protection: {hysteresis_atr: 1}", "level 1 could never be left"),
        ("drawdown: {within_share_of_mark: 0.07}", "the pivot would end as it begins"),
        ("protection: {hedge: {delta_low: 30}}", "30 is above delta_high 25"),
        (
            "protection: {hedge: {underlying: SPY}, actions: {rev: {puts: {level_2: [hedge]}}}}",
            "SPY is no index of market.index_options",
        ),
        ("protection: {actions: {gen: {puts: {level_1: [dance]}}}}", "should be one of alert_medium"),
        ("circuit_breakers: {safe_over_vix: 80}", "80 is not under close_only_over_vix 80"),
        ("week_types: {rolled: 0.10}", "0.1 is not under recovery 0.1"),
        ("leaps: {roll_under_dte: 365}", "it would roll when bought"),
        ("reinvest: {com: {leaps_share: 0.3}}", "is 1.05, over 1"),
        ("reinvest: {months: [13]}", "reinvest.months.0: found 13; should be a whole number from 1 to 12"),
        ("rolls: {weeks_out_low: 3}", "3 is above weeks_out_high 2"),
        # What JSON cannot hold exactly has no fingerprint.
        ("entry: {min_open_interest: 99999999999999999999999}", "should be at most 9007199254740991"),
        ("paper: {seed: 9007199254740992}", "paper.seed: found 9007199254740992; should be at most"),
        ("- a\n- b", "a profile is a mapping of settings, not a list"),
        ("a: [", "no YAML"),
    ],
)
def test_a_wrong_value_is_refused_in_words_that_say_what_is_allowed(profile, text, words):
    path = profile(f"# a comment\n{text}\n")
    message = faults_of(path, {})
    assert words in message
    assert f"{path} line " in message
    assert "default)" not in message


def test_an_item_of_a_replaced_list_is_not_blamed_on_the_file_that_it_replaced(profile):
    path = profile("accounts:\n  gen:\n    tickers:\n      - AAPL\n      - MSFT\n")
    message = faults_of(path, {"ALLUSE__ACCOUNTS__GEN__TICKERS": "[AAPL, 3]"})
    assert "accounts.gen.tickers.1" in message
    assert "environment variable ALLUSE__ACCOUNTS__GEN__TICKERS" in message


def test_a_section_with_only_comments_is_no_fault(profile):
    assert load(profile("accounts:\n  # nothing yet\nbook:\n"), {}).config == ProtocolConfig()


def test_a_profile_that_is_not_there_is_named():
    assert "did you mean sample?" in faults_of("sampel", {})
    assert faults_of("profiles/none.yaml", {}) == "profile profiles/none.yaml: there is no such file"


def test_a_profile_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "live.yaml").write_bytes(b"\xff\xfe\x00")
    assert "cannot be read" in faults_of(tmp_path / "live.yaml", {})


def test_a_profile_extends_another_by_name_or_by_path(profile):
    profile("extends: sample\npaper: {seed: 1}\nmultiplier: 10\n", "base.yaml")
    top = load(profile("extends: ./base.yaml\npaper: {seed: 2}\n"), {})
    assert top.config.accounts.gen.tickers == ("AAPL", "GOOG")
    assert (top.config.multiplier, top.config.paper.seed) == (10, 2)
    assert top.origins["accounts.gen.tickers"].place.startswith("profiles/sample.yaml line ")
    assert top.origins["multiplier"].place.endswith("base.yaml line 3")


def test_profiles_that_extend_in_a_circle_are_refused(profile):
    profile("extends: b.yaml\n", "a.yaml")
    message = faults_of(profile("multiplier: 10\nextends: a.yaml\n", "b.yaml"), {})
    assert "a circle" in message
    assert "a.yaml line 1" in message


@pytest.mark.parametrize("target", ["[sample]", "nothing_such", "none.yaml"])
def test_a_profile_that_extends_nothing_there_is_refused_with_its_line(profile, target):
    path = profile(f"multiplier: 10\nextends: {target}\n")
    assert f"{path} line 2" in faults_of(path, {})


def test_a_stored_version_names_an_unknown_setting_with_its_number():
    message = faults_of("default", {}, [stored(4, entry__window_en="11:00")])
    assert message == (
        "entry.window_en: there is no such setting; did you mean entry.window_end? "
        "(version 4 by ann at 2026-01-05: test)"
    )


def test_a_configuration_cannot_be_changed_in_place():
    with pytest.raises(ValidationError, match="frozen"):
        ProtocolConfig().entry.min_open_interest = 1  # type: ignore[misc]


def test_with_values_changes_only_what_is_named():
    config = with_values(ProtocolConfig(), {"accounts.gen.buffer_share": 0.1, "book.lump_sum_usd": 250_000})
    assert config.accounts.gen.buffer_share == 0.1
    assert config.book.lump_sum_usd == Decimal(250_000)
    assert config.accounts.rev == ProtocolConfig().accounts.rev


def test_with_values_refuses_what_a_profile_could_not_hold():
    with pytest.raises(
        ConfigError, match=r"accounts\.gen\.puts\.delta_low: 60 is above delta_high 50 \(given"
    ):
        with_values(ProtocolConfig(), {"accounts.gen.puts.delta_low": 60})
    with pytest.raises(ConfigError, match="no such setting"):
        with_values(ProtocolConfig(), {"accounts.gen.puts.delta": 60})


def test_a_contradiction_reads_well_on_its_own():
    assert str(Contradiction((("a", "b"), "is wrong"))) == "a: is wrong"
