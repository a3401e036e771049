"""Whether a gateway answers, without a client id and without the library."""

import socket
import threading

import pytest

from alluse_assets.adapters.ibkr.probe import server_version
from alluse_assets.adapters.ibkr.settings import IbkrSettings
from alluse_assets.base.errors import SourceError
from tests.adapters.ibkr.gateway import HANG_UP, SILENCE, Fault, ScriptedGateway

_START_API = 71


def test_a_gateway_tells_its_version_and_no_client_id_is_used(gateway: ScriptedGateway) -> None:
    assert server_version(IbkrSettings(port=gateway.port)) == 178
    assert gateway.requests(_START_API) == []


@pytest.mark.parametrize(
    ("fault", "said", "passing"),
    [
        (HANG_UP, "does not answer", True),
        (SILENCE, "does not answer", True),
        (Fault(sent=b"HTTP/1.1 400 Bad Request"), "no gateway", False),
        (Fault(sent=b"\0\0\0\x05hello"), "no gateway", False),
    ],
)
def test_what_is_no_gateway_or_silent_is_said_to_be(
    gateway: ScriptedGateway, fault: Fault, said: str, passing: bool
) -> None:
    gateway.handshake = fault
    with pytest.raises(SourceError, match=said) as error:
        server_version(IbkrSettings(port=gateway.port), seconds=0.2)
    assert error.value.is_passing is passing


def test_a_port_that_nobody_listens_on_is_refused() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    with pytest.raises(SourceError, match="refuses connections"):
        server_version(IbkrSettings(port=port))


def test_a_gateway_that_only_accepts_is_not_waited_for_without_end() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        accepted = threading.Thread(target=listener.accept, daemon=True)
        accepted.start()
        with pytest.raises(SourceError, match="does not answer"):
            server_version(IbkrSettings(port=listener.getsockname()[1]), seconds=0.2)
