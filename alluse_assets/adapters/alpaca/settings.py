"""How Alpaca is reached: environment variables ``ALLUSE_ALPACA_...``, keys by reference only.

The environment is handed in, so that a test or a run has its own. A variable that nobody knows is
refused: a misspelt feed would otherwise be the default one.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from alluse_assets.base.errors import ConfigError

PREFIX = "ALLUSE_ALPACA_"

ShareFeed = Literal["sip", "iex"]
OptionFeed = Literal["opra", "indicative"]


def _is_loopback(host: str | None) -> bool:
    try:
        return host == "localhost" or (host is not None and ip_address(host).is_loopback)
    except ValueError:
        return False


def _keeps_keys_secret(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("https", "wss") and not _is_loopback(parts.hostname):
        raise ValueError("keys go only to https and wss addresses")
    return url.rstrip("/")


Address = Annotated[str, AfterValidator(_keeps_keys_secret)]


class AlpacaSettings(BaseModel):
    """One account's access. Field names in capitals, after the prefix, are the variables."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key_id: str = Field(description="Reference to the key id: env:NAME, file:/path or vault:mount/path#key")
    secret_key: str = Field(description="Reference to the secret key")
    history_feed: ShareFeed = Field(default="sip", description="Bars of shares: all exchanges, or IEX alone")
    live_feed: ShareFeed = Field(
        default="iex", description="Latest quotes and the stream of shares; sip needs a subscription"
    )
    option_feed: OptionFeed = Field(
        default="indicative", description="Option quotes: delayed and modified, or opra (a subscription)"
    )
    data_url: Address = Field(default="https://data.alpaca.markets", description="Market data")
    trading_url: Address = Field(
        default="https://paper-api.alpaca.markets",
        description="Lists option contracts; https://api.alpaca.markets for the keys of a live account",
    )
    stream_url: Address = Field(default="wss://stream.data.alpaca.markets", description="Streams")
    requests_a_minute: int = Field(default=200, ge=1, le=10_000, description="What the plan allows")
    connect_seconds: float = Field(default=5, gt=0, le=60, description="Time-out of a connection")
    answer_seconds: float = Field(default=30, gt=0, le=600, description="Time-out of an answer")
    retry_wait_seconds: float = Field(
        default=1, gt=0, le=60, description="Wait before the first repetition; it doubles each time"
    )
    retry_budget_seconds: float = Field(
        default=120, ge=0, le=3600, description="A call, or a stream's start, is given up after this long"
    )
    stream_buffer: int = Field(
        default=200_000, ge=1, description="Messages kept until they are taken; more are counted as missed"
    )


def is_configured(environ: Mapping[str, str]) -> bool:
    """Whether anybody has set a variable of Alpaca's."""
    return any(name.startswith(PREFIX) for name in environ)


def alpaca_settings(environ: Mapping[str, str]) -> AlpacaSettings:
    """The settings that the environment holds.

    Raises:
        ConfigError: a key is not referred to, or a value or a variable's name is wrong.
    """
    given = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in environ.items()
        if name.startswith(PREFIX) and value
    }
    try:
        return AlpacaSettings.model_validate(given)
    except ValidationError as error:
        # Values are left out of the message: somebody may have put a key where its reference belongs.
        faults = "; ".join(
            f"{PREFIX}{'.'.join(map(str, fault['loc'])).upper()}: {_plain(fault['type'], fault['msg'])}"
            for fault in error.errors(include_input=False, include_url=False)
        )
        raise ConfigError(f"Alpaca is not set up: {faults}") from None


def _plain(kind: str, message: str) -> str:
    if kind == "missing":
        return "not set; refer to it as env:NAME, file:/path or vault:mount/path#key"
    if kind == "extra_forbidden":
        return f"no such setting; there are {', '.join(f.upper() for f in AlpacaSettings.model_fields)}"
    return message
