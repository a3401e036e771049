"""Secrets from environment variables: ``env:NAME``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from alluse_assets.base.errors import SecretError
from alluse_assets.base.secrets import Secret

_NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")


@dataclass(frozen=True, slots=True)
class EnvironmentSource:
    """Reads variables of the mapping it was given."""

    environ: Mapping[str, str] = field(repr=False)
    scheme: str = "env"

    def read(self, place: str) -> Secret:
        """The value of the variable called ``place``.

        Raises:
            SecretError: the name is none, or the variable is unset or empty.
        """
        if not _NAME.match(place):
            raise SecretError("env: must be followed by a variable's name (letters, digits, underscores)")
        value = self.environ.get(place, "")
        if not value:
            raise SecretError(f"env:{place}: the variable is not set; export it before starting")
        return Secret(value)
