"""Where secrets are read from: the environment, files, HashiCorp Vault.

Each module is one implementation of ``base.secrets.SecretSource``; ``secret_sources`` is their one
registration.
"""

from collections.abc import Mapping

from alluse_assets.adapters.secrets.environment import EnvironmentSource
from alluse_assets.adapters.secrets.file import FileSource
from alluse_assets.adapters.secrets.vault import VaultSource
from alluse_assets.base.secrets import SecretSource

__all__ = ["EnvironmentSource", "FileSource", "VaultSource", "secret_sources"]


def secret_sources(environ: Mapping[str, str]) -> tuple[SecretSource, ...]:
    """Every source there is. Vault is asked only when a reference names it."""
    return EnvironmentSource(environ), FileSource(), VaultSource(environ)
