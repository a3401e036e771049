"""Settings come from variables that begin with ALLUSE_IBKR_; a wrong one is named with its value."""

import pytest

from alluse_assets.adapters.ibkr.settings import IbkrSettings, is_configured
from alluse_assets.base.errors import ConfigError


def test_what_is_not_set_has_its_default_and_other_variables_do_not_matter() -> None:
    assert IbkrSettings.from_environment({"PATH": "/bin", "ALLUSE_IBKR_PORT": " "}) == IbkrSettings()
    assert IbkrSettings().place == "127.0.0.1:4002"


def test_variables_are_read_with_their_types() -> None:
    settings = IbkrSettings.from_environment(
        {
            "ALLUSE_IBKR_HOST": "gateway.example",
            "ALLUSE_IBKR_PORT": "7497",
            "ALLUSE_IBKR_MARKET_DATA_TYPE": "delayed",
            "ALLUSE_IBKR_BAR_MINUTES": "30",
            "ALLUSE_IBKR_TIMEOUT_SECONDS": "2.5",
            "ALLUSE_IBKR_READ_ONLY": "true",
        }
    )
    assert (settings.place, settings.market_data_type) == ("gateway.example:7497", "delayed")
    assert (settings.bar_minutes, settings.timeout_seconds, settings.read_only) == (30, 2.5, True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "70000"),
        ("PORTT", "4002"),
        ("MARKET_DATA_TYPE", "best"),
        ("LINES", "1"),
        ("BAR_MINUTES", "7"),
        ("READ_ONLY", "False"),
        ("CLIENT_ID", "0"),
    ],
)
def test_a_wrong_variable_is_named_with_its_value(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"ALLUSE_IBKR_{name}: .*{value}"):
        IbkrSettings.from_environment({f"ALLUSE_IBKR_{name}": value})


def test_it_is_configured_when_any_variable_is_set() -> None:
    assert not is_configured({"ALLUSE_HOME": "x", "ALLUSE_IBKR_PORT": ""})
    assert is_configured({"ALLUSE_IBKR_PORT": "4002"})
