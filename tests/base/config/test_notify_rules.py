"""Channels name where their address is kept, and never hold it: not even an error shows it."""

import pytest

from alluse_assets.base.config.config_manager import canonical, load
from alluse_assets.base.errors import ConfigError


def channels(text):
    return load("default", {"ALLUSE__NOTIFY__CHANNELS": text}).config.notify.channels


@pytest.mark.parametrize(
    "where", ["env:PHONE_URL", "file:/run/secrets/phone", "vault:secret/alluse/phone#url"]
)
def test_a_channel_refers_to_its_address(where):
    (channel,) = channels(f'{{phone: {{secret: "{where}"}}}}').values()
    assert (channel.secret, channel.lowest_priority, channel.escalation) == (where, "LOW", False)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ('{phone: {secret: "slack://TOKEN"}}', "notify.channels.phone.secret: what was found is not shown"),
        ('{phone: {secret: "env:slack://TOKEN"}}', "env:NAME, file:/path or vault:mount/path#key"),
        ('{phone: "slack://TOKEN"}', "what was found is not shown"),
        ("{phone: {}}", "notify.channels.phone.secret: is missing"),
        ('{Phone 1: {secret: "env:A"}}', "notify.channels.Phone 1"),
        ('{phone: {secret: "env:A", lowest_priority: null}}', "the channel would never get anything"),
        ('{phone: {secret: "env:A", url: "slack://TOKEN"}}', "there is no such setting"),
    ],
)
def test_a_wrong_channel_is_refused_without_showing_what_may_be_a_secret(wrong, message):
    with pytest.raises(ConfigError) as refused:
        channels(wrong)
    assert message in str(refused.value)
    assert "TOKEN" not in str(refused.value)


def test_channels_have_a_canonical_form_that_reads_back():
    text = '{phone: {secret: "env:A", lowest_priority: null, escalation: true}}'
    config = load("default", {"ALLUSE__NOTIFY__CHANNELS": text}).config
    assert canonical(config)["notify"]["channels"] == {
        "phone": {"secret": "env:A", "lowest_priority": None, "escalation": True}
    }
