import pytest

from alluse_assets.adapters.alpaca import alpaca_settings, open_alpaca
from alluse_assets.adapters.alpaca.settings import is_configured
from alluse_assets.base.calendar import trading_calendar
from alluse_assets.base.errors import ConfigError, SecretError

KEYS = {"ALLUSE_ALPACA_KEY_ID": "env:MY_ID", "ALLUSE_ALPACA_SECRET_KEY": "env:MY_SECRET"}


def test_the_free_plan_is_the_default() -> None:
    settings = alpaca_settings({**KEYS, "HOME": "/root"})
    assert (settings.history_feed, settings.live_feed, settings.option_feed) == ("sip", "iex", "indicative")
    assert settings.requests_a_minute == 200


def test_values_come_by_their_names_and_empty_ones_count_as_not_set() -> None:
    environ = {**KEYS, "ALLUSE_ALPACA_OPTION_FEED": "opra", "ALLUSE_ALPACA_LIVE_FEED": ""}
    settings = alpaca_settings(environ)
    assert (settings.option_feed, settings.live_feed) == ("opra", "iex")


def test_keys_that_are_not_referred_to_are_told_by_their_variable() -> None:
    with pytest.raises(ConfigError, match="ALLUSE_ALPACA_SECRET_KEY: not set"):
        alpaca_settings({"ALLUSE_ALPACA_KEY_ID": "env:MY_ID"})


def test_a_misspelt_variable_is_refused() -> None:
    with pytest.raises(ConfigError, match="ALLUSE_ALPACA_FEED: no such setting"):
        alpaca_settings({**KEYS, "ALLUSE_ALPACA_FEED": "sip"})


def test_a_feed_that_there_is_not_is_refused_without_repeating_the_value() -> None:
    with pytest.raises(ConfigError, match="ALLUSE_ALPACA_LIVE_FEED") as refused:
        alpaca_settings({**KEYS, "ALLUSE_ALPACA_LIVE_FEED": "hunter2"})
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["http://data.alpaca.markets", "ws://10.0.0.1:9", "http://localhost.evil.org"]
)
def test_keys_are_not_sent_in_the_clear(url: str) -> None:
    with pytest.raises(ConfigError, match="https and wss"):
        alpaca_settings({**KEYS, "ALLUSE_ALPACA_DATA_URL": url})


def test_the_loopback_needs_no_encryption() -> None:
    settings = alpaca_settings({**KEYS, "ALLUSE_ALPACA_DATA_URL": "http://127.0.0.1:8000/"})
    assert settings.data_url == "http://127.0.0.1:8000"


def test_a_key_that_cannot_be_read_stops_the_opening() -> None:
    with pytest.raises(SecretError, match="MY_ID"):
        open_alpaca(trading_calendar(), KEYS)


def test_the_source_opens_without_a_call_when_the_keys_are_there() -> None:
    source = open_alpaca(trading_calendar(), {**KEYS, "MY_ID": "PK1", "MY_SECRET": "s3cret"})
    assert source.name == "alpaca"
    assert "s3cret" not in repr(vars(source))


def test_alpaca_is_configured_by_any_of_its_variables() -> None:
    assert is_configured(KEYS)
    assert not is_configured({"ALLUSE_HOME": "x"})
