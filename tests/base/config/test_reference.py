"""The reference in docs is what the model says now."""

from alluse_assets.base.config.reference import reference_markdown
from alluse_assets.base.config.settings_tree import settings
from tests.paths import ROOT


def test_the_reference_in_docs_is_current():
    committed = (ROOT / "docs" / "reference" / "configuration.md").read_text(encoding="utf-8")
    hint = "run: alluse config reference --out docs/reference/configuration.md"
    assert committed == reference_markdown(), hint


def test_every_setting_says_what_it_means_and_what_is_allowed():
    for setting in settings().values():
        assert setting.meaning, setting.name
        assert setting.allowed, setting.name


def test_no_two_settings_share_an_environment_variable():
    names = [setting.environment_name for setting in settings().values()]
    assert len(set(names)) == len(names)
