"""Settings of the connection to TWS or IB Gateway, read from variables that begin with ALLUSE_IBKR_.

Only settings belong here. There is no password: the gateway itself is logged in by a person.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from alluse_assets.base.errors import ConfigError

PREFIX = "ALLUSE_IBKR_"
BarMinutes = Literal[1, 2, 3, 5, 10, 15, 20, 30, 60]


class IbkrSettings(BaseModel):
    """Where the gateway listens and what the login may use."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field(default="127.0.0.1", min_length=1, description="Machine on which the gateway runs")
    port: int = Field(default=4002, ge=1, le=65535, description="4001 and 4002: Gateway; 7496 and 7497: TWS")
    client_id: int = Field(default=71, ge=1, le=999_999, description="First client id that is tried")
    client_ids: int = Field(
        default=8, ge=1, le=32, description="How many ids from client_id on are tried when one is in use"
    )
    market_data_type: Literal["live", "frozen", "delayed", "delayed-frozen"] = Field(
        default="live", description="What is asked for; rows say what the gateway really sent"
    )
    lines: int = Field(default=100, ge=2, le=10_000, description="Market data lines of the login")
    stock_sizes: Literal["shares", "lots"] = Field(
        default="shares",
        description="lots: the gateway is set to send US stock data in lots of 100 for compatibility",
    )
    bar_minutes: BarMinutes = Field(
        default=1, description="Length of an intraday bar; a request brings 20 sessions from 20 minutes on"
    )
    timeout_seconds: float = Field(
        default=15, gt=0, le=600, description="Connecting, and one request of contracts"
    )
    snapshot_seconds: float = Field(
        default=15, gt=0, le=600, description="One snapshot; the gateway itself ends it after 11"
    )
    history_seconds: float = Field(default=90, gt=0, le=3600, description="One request of bars")
    stream_buffer: int = Field(
        default=200_000, ge=1, description="Rows kept until they are taken; more are counted as missed"
    )
    read_only: Literal[True] = Field(default=True, description="Market data never needs more")

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> IbkrSettings:
        """The settings of ``environ``; what is not set has its default.

        Raises:
            ConfigError: a variable is unknown, or its value cannot be.
        """
        given = {
            name.removeprefix(PREFIX).lower(): _typed(value)
            for name, value in environ.items()
            if name.startswith(PREFIX) and value.strip()
        }
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            faults = "; ".join(
                f"{PREFIX}{'.'.join(map(str, fault['loc'])).upper()}: {fault['msg']}, got {fault['input']!r}"
                for fault in error.errors()
            )
            raise ConfigError(f"Interactive Brokers: {faults}") from error

    @property
    def place(self) -> str:
        """Host and port, for messages."""
        return f"{self.host}:{self.port}"


def is_configured(environ: Mapping[str, str]) -> bool:
    """Whether somebody has set up Interactive Brokers here."""
    return any(name.startswith(PREFIX) and value.strip() for name, value in environ.items())


def _typed(value: str) -> str | int | bool:
    """Numbers and truth values as such: literals of a setting are compared without conversion."""
    text = value.strip()
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    return int(text) if text.isdigit() else text
