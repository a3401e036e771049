"""Secrets from HashiCorp Vault's key-value engine, version 2: ``vault:mount/path#key``.

The server and the login come from Vault's own variables: VAULT_ADDR; VAULT_TOKEN, or VAULT_ROLE_ID and
VAULT_SECRET_ID for an AppRole; VAULT_NAMESPACE and VAULT_CACERT where they are needed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from alluse_assets.base.errors import SecretError
from alluse_assets.base.secrets import Secret

_PLACE = re.compile(r"^(?P<mount>[^/#]+)/(?P<path>[^#]+)#(?P<key>[^#]+)$")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class VaultSource:
    """Logs in for each read: secrets are read when a process starts, and a login must not have expired."""

    environ: Mapping[str, str] = field(repr=False)
    timeout_seconds: float = 10.0
    scheme: str = "vault"

    def read(self, place: str) -> Secret:
        """The newest version's value of one key.

        Raises:
            SecretError: the place is malformed, Vault is not configured, sealed, slow or away, the login
                is refused or may not read there, or there is no such secret or key.
        """
        match = _PLACE.match(place)
        if not match or ".." in match["path"].split("/"):
            raise SecretError(
                "vault: must be followed by mount/path#key, such as secret/alluse/broker#api_key"
            )
        answer = self._ask(place, match["mount"], match["path"])
        value = answer["data"]["data"].get(match["key"])
        if value is None:
            raise SecretError(f"vault:{place}: the secret is there, and has no key {match['key']}")
        if not isinstance(value, str) or not value:
            raise SecretError(f"vault:{place}: the key holds no text")
        return Secret(value)

    def _ask(self, place: str, mount: str, path: str) -> dict[str, Any]:
        # Imported here: it takes a third of a second, and most runs ask no Vault.
        import requests
        from hvac import exceptions

        address = self._address()
        try:
            answer = self._client(address).secrets.kv.v2.read_secret_version(
                path=path, mount_point=mount, raise_on_deleted_version=True
            )
        # The causes are cut off: they hold requests and answers.
        except exceptions.VaultDown:
            raise SecretError(
                f"vault:{place}: Vault at {address} is sealed or in standby; unseal it"
            ) from None
        except exceptions.Forbidden:
            raise SecretError(
                f"vault:{place}: Vault refused the login or its policy has no read on {mount}/data/{path}"
            ) from None
        except exceptions.InvalidPath:
            raise SecretError(
                f"vault:{place}: there is no such secret, or its newest version is deleted"
            ) from None
        except exceptions.VaultError as error:
            raise SecretError(f"vault:{place}: Vault at {address} answered {type(error).__name__}") from None
        except requests.Timeout:
            limit = f"{self.timeout_seconds:g} s"
            raise SecretError(f"vault:{place}: Vault at {address} did not answer within {limit}") from None
        except requests.RequestException as error:
            why = type(error).__name__
            raise SecretError(
                f"vault:{place}: Vault at {address} cannot be reached ({why}); check VAULT_ADDR"
            ) from None
        if not isinstance(answer, dict) or not isinstance(answer.get("data", {}).get("data"), dict):
            raise SecretError(f"vault:{place}: {address} did not answer as a version 2 key-value engine does")
        return answer

    def _address(self) -> str:
        address = self.environ.get("VAULT_ADDR", "").rstrip("/")
        if not address:
            raise SecretError(
                "vault: VAULT_ADDR is not set; set it to the server, such as https://vault:8200"
            )
        parts = urlsplit(address)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
            raise SecretError("vault: VAULT_ADDR must be https:// (http:// only to this machine)")
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"

    def _client(self, address: str) -> Any:
        import hvac

        token = self.environ.get("VAULT_TOKEN", "")
        role_id = self.environ.get("VAULT_ROLE_ID", "")
        if not token and not role_id:
            raise SecretError("vault: set VAULT_TOKEN, or VAULT_ROLE_ID and VAULT_SECRET_ID for an AppRole")
        # No redirect is followed: it would carry the token to another host.
        client = hvac.Client(
            url=address,
            token=token,
            namespace=self.environ.get("VAULT_NAMESPACE") or None,
            verify=self.environ.get("VAULT_CACERT") or True,
            timeout=self.timeout_seconds,
            allow_redirects=False,
        )
        if not token:
            client.auth.approle.login(role_id=role_id, secret_id=self.environ.get("VAULT_SECRET_ID"))
        return client
