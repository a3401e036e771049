"""``alluse config``: what it prints and how it ends."""

import json
import os

import pytest

from alluse_assets.base.config.config_manager import load
from alluse_assets.base.config.reference import reference_markdown
from alluse_assets.base.errors import AlluseError
from alluse_assets.cli import main
from alluse_assets.cli.errors import expected_errors


@pytest.fixture
def alluse(capsys, monkeypatch):
    for name in [name for name in os.environ if name.startswith("ALLUSE__")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments):
        with pytest.raises(SystemExit) as ended:
            main(["config", *arguments])
        printed = capsys.readouterr()
        return ended.value.code or 0, printed.out, printed.err

    return run


@pytest.fixture
def bad_profile(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text("accounts:\n  gen:\n    puts: {delta_low: 50, delta_high: 40}\nmultiplier: 0\n")
    return str(path)


def test_show_prints_the_values_of_a_section_with_where_they_came_from(alluse, monkeypatch):
    monkeypatch.setenv("ALLUSE__ACCOUNTS__GEN__BUFFER_SHARE", "0.07")
    code, out, _ = alluse("show", "accounts.gen", "--profile", "sample", "--origin")
    assert code == 0
    (buffer,) = [line for line in out.splitlines() if "accounts.gen.buffer_share" in line]
    assert "0.07" in buffer
    assert "ALLUSE__ACCOUNTS__GEN__BUFFER_SHARE" in buffer
    (tickers,) = [line for line in out.splitlines() if "accounts.gen.tickers" in line]
    assert '["AAPL", "GOOG"]' in tickers
    assert "profiles/sample.yaml line" in tickers
    assert "accounts.rev" not in out


def test_show_as_json_is_one_object_with_every_setting(alluse):
    code, out, err = alluse("show", "-p", "sample", "--json", "--origin")
    shown = json.loads(out)
    assert (code, err) == (0, "")
    assert shown["fingerprint"] == load("sample", {}).fingerprint
    assert shown["values"]["accounts.gen.puts.min_premium_yield"] == "0.004"
    assert shown["origins"]["accounts.gen.buffer_share"] == "default"
    assert set(shown["origins"]) == set(shown["values"])


def test_a_setting_that_is_not_there_ends_with_2_and_the_near_one(alluse):
    code, out, err = alluse("show", "accounts.gem")
    assert (code, out) == (2, "")
    assert err.startswith(
        "ConfigError: accounts.gem: there is no such setting or section; did you mean accounts.gen?"
    )
    assert "Traceback" not in err


def test_a_wrong_environment_stops_show(alluse, monkeypatch):
    monkeypatch.setenv("ALLUSE__MULTIPLIER", "many")
    code, _, err = alluse("show")
    assert code == 2
    assert "multiplier: found the text 'many'" in err


def test_validate_ends_with_1_and_every_fault_of_every_profile(alluse, bad_profile):
    code, out, _ = alluse("validate", bad_profile, "sample")
    assert code == 1
    assert f"accounts.gen.puts.delta_low: 50 is above delta_high 40 ({bad_profile} line 3)" in out
    assert f"multiplier: found 0; should be a whole number from 1 to 10000 ({bad_profile} line 4)" in out
    assert "sample: holds" in out


def test_validate_looks_at_the_profile_and_not_at_the_environment(alluse, monkeypatch):
    monkeypatch.setenv("ALLUSE__MULTIPLIER", "many")
    assert alluse("validate", "default")[0] == 0


def test_validate_as_json_says_which_profile_holds(alluse, bad_profile):
    code, out, _ = alluse("validate", bad_profile, "default", "--json")
    answer = json.loads(out)
    assert (code, answer["valid"]) == (1, False)
    assert answer["faults"]["default"] is None
    assert "delta_low" in answer["faults"][bad_profile]


def test_a_profile_that_is_not_there_is_wrong_use(alluse):
    code, _, err = alluse("validate", "sampel")
    assert code == 2
    assert "did you mean sample?" in err


def test_diff_ends_with_1_and_what_differs_or_0(alluse):
    code, out, _ = alluse("diff", "default", "sample")
    assert code == 1
    (row,) = [line for line in out.splitlines() if "market.mode_symbol" in line]
    assert row.index("SPY") < row.index("SPX")
    assert "multiplier" not in out
    assert alluse("diff", "sample", "sample")[0] == 0


def test_diff_as_json_lists_the_changes(alluse):
    code, out, _ = alluse("diff", "default", "sample", "--json")
    changes = json.loads(out)["changes"]
    assert code == 1
    assert {"path": "entry.earnings_unknown", "before": "refuse", "after": "allow"} in changes


def test_reference_prints_or_writes_the_page(alluse, tmp_path):
    assert alluse("reference")[1] == reference_markdown()
    assert alluse("reference", "--out", str(tmp_path / "page.md"))[0] == 0
    assert (tmp_path / "page.md").read_text() == reference_markdown()
    code, _, err = alluse("reference", "--out", str(tmp_path / "none" / "page.md"))
    assert code == 2
    assert "cannot be written" in err


def test_an_unknown_command_is_wrong_use(alluse):
    assert alluse("shwo")[0] == 2


def test_an_expected_error_ends_with_its_own_code(capsys):
    class Untrue(AlluseError):
        exit_code = 1

    with pytest.raises(SystemExit) as ended, expected_errors():
        raise Untrue("the books differ")
    assert ended.value.code == 1
    assert capsys.readouterr().err == "Untrue: the books differ\n"


def test_an_unexpected_error_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError), expected_errors():
        raise ZeroDivisionError
