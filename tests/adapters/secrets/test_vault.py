"""The real hvac client against a loopback server that answers as Vault's KV version 2 API does.

Shapes and status codes: Vault's HTTP API, "KV secrets engine - version 2" and "AppRole auth method".
"""

import json
import threading
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from alluse_assets.adapters.secrets import VaultSource, secret_sources
from alluse_assets.base.errors import SecretError
from alluse_assets.base.secrets import resolve

VALUE = "k3y-zebra-91"
TOKEN = "hvs.root-91"
PATH = "/v1/secret/data/alluse/broker"


class Vault(ThreadingHTTPServer):
    """One KV version 2 engine at ``secret/`` with one secret, a token, and an AppRole."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.sealed = False
        self.stalled = threading.Event()
        self.stalled.set()
        self.status = None
        self.asked = []

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def answer(self, status, body, **headers):
        content = json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path != "/v1/auth/approle/login" or body != {"role_id": "role-1", "secret_id": "sid-91"}:
            return self.answer(400, {"errors": ["invalid role or secret ID"]})
        return self.answer(200, {"auth": {"client_token": TOKEN, "lease_duration": 3600}})

    def do_GET(self):
        self.server.stalled.wait(30)
        self.server.asked.append((self.path, dict(self.headers)))
        if self.server.sealed:
            return self.answer(503, {"errors": ["Vault is sealed"]})
        if self.headers.get("X-Vault-Token") != TOKEN:
            return self.answer(403, {"errors": ["1 error occurred:\n\t* permission denied\n\n"]})
        if self.server.status:
            return self.answer(
                self.server.status, {"errors": []}, Location=f"{self.server.address}/elsewhere"
            )
        if self.path == "/v1/secret/data/deleted":
            metadata = {"deletion_time": "2026-01-05T10:00:00Z", "destroyed": False, "version": 1}
            return self.answer(404, {"data": {"data": None, "metadata": metadata}})
        if self.path == "/v1/version1/data/alluse/broker":
            return self.answer(200, {"data": {"api_key": VALUE}})
        if self.path != PATH:
            return self.answer(404, {"errors": []})
        data = {"api_key": VALUE, "port": 8200, "empty": ""}
        metadata = {"version": 3, "destroyed": False, "deletion_time": ""}
        return self.answer(200, {"data": {"data": data, "metadata": metadata}})


@pytest.fixture
def vault(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = Vault()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.stalled.set()
    server.shutdown()
    server.server_close()
    thread.join()


def source(vault, **environ):
    return VaultSource({"VAULT_ADDR": vault.address, "VAULT_TOKEN": TOKEN, **environ}, timeout_seconds=5)


def refusal(vault_source, place="secret/alluse/broker#api_key"):
    with pytest.raises(SecretError) as caught:
        vault_source.read(place)
    text = "".join(traceback.format_exception(caught.value))
    for hidden in (VALUE, TOKEN, "sid-91"):
        assert hidden not in text
    return str(caught.value)


def test_a_key_of_the_newest_version_is_read(vault):
    environ = {"VAULT_ADDR": vault.address, "VAULT_TOKEN": TOKEN, "VAULT_NAMESPACE": "team"}
    secret = resolve("vault:secret/alluse/broker#api_key", secret_sources(environ))
    assert secret.reveal() == VALUE
    ((path, headers),) = vault.asked
    assert path == PATH
    assert headers["X-Vault-Namespace"] == "team"


def test_an_app_role_logs_in_first(vault):
    environ = {"VAULT_ADDR": vault.address, "VAULT_ROLE_ID": "role-1", "VAULT_SECRET_ID": "sid-91"}
    assert VaultSource(environ).read("secret/alluse/broker#api_key").reveal() == VALUE


def test_an_app_role_that_vault_does_not_know_is_refused(vault):
    environ = {"VAULT_ADDR": vault.address, "VAULT_ROLE_ID": "role-2", "VAULT_SECRET_ID": "sid-91"}
    assert "answered InvalidRequest" in refusal(VaultSource(environ))


def test_a_refused_token_says_which_policy_is_missing(vault):
    message = refusal(source(vault, VAULT_TOKEN="hvs.other"))
    assert "refused the login or its policy has no read on secret/data/alluse/broker" in message


@pytest.mark.parametrize(
    "place", ["secret/none#api_key", "other/alluse/broker#api_key", "secret/deleted#api_key"]
)
def test_a_missing_or_deleted_secret_is_told(vault, place):
    assert "there is no such secret" in refusal(source(vault), place)


def test_a_missing_key_is_told_and_one_that_is_no_text_too(vault):
    assert "has no key pin" in refusal(source(vault), "secret/alluse/broker#pin")
    assert "holds no text" in refusal(source(vault), "secret/alluse/broker#port")
    assert "holds no text" in refusal(source(vault), "secret/alluse/broker#empty")


def test_a_sealed_vault_is_told(vault):
    vault.sealed = True
    assert "is sealed" in refusal(source(vault))


def test_a_vault_that_does_not_answer_is_given_up_on(vault):
    vault.stalled.clear()
    slow = VaultSource({"VAULT_ADDR": vault.address, "VAULT_TOKEN": TOKEN}, timeout_seconds=0.2)
    assert "did not answer within 0.2 s" in refusal(slow)


def test_a_vault_that_is_not_there_is_told(vault):
    environ = {"VAULT_ADDR": vault.address, "VAULT_TOKEN": TOKEN}
    vault.shutdown()
    vault.server_close()
    assert "cannot be reached (ConnectionError); check VAULT_ADDR" in refusal(VaultSource(environ))


def test_a_server_error_is_told_by_its_kind(vault):
    vault.status = 500
    assert "answered InternalServerError" in refusal(source(vault))


def test_a_redirect_is_not_followed_so_the_token_goes_nowhere_else(vault):
    vault.status = 307
    assert "did not answer as a version 2 key-value engine does" in refusal(source(vault))
    assert [path for path, _ in vault.asked] == [PATH]


def test_a_version_1_engine_is_told_from_a_version_2_one(vault):
    assert "version 2 key-value engine" in refusal(source(vault), "version1/alluse/broker#api_key")


@pytest.mark.parametrize(
    "place", ["", "secret#key", "secret/path", "secret/#key", "secret/a/../b#key", "secret/a#"]
)
def test_a_place_that_is_no_mount_path_and_key_is_refused(vault, place):
    assert "mount/path#key" in refusal(source(vault), place)
    assert vault.asked == []


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({}, "VAULT_ADDR is not set"),
        ({"VAULT_ADDR": "https://vault:8200"}, "set VAULT_TOKEN, or VAULT_ROLE_ID"),
        ({"VAULT_ADDR": "http://vault.example:8200", "VAULT_TOKEN": TOKEN}, "must be https://"),
        ({"VAULT_ADDR": "vault:8200", "VAULT_TOKEN": TOKEN}, "must be https://"),
    ],
)
def test_a_vault_that_is_not_set_up_safely_is_not_asked(environ, words):
    assert words in refusal(VaultSource(environ))


def test_the_login_is_not_in_the_sources_repr(vault):
    assert TOKEN not in repr(source(vault))
