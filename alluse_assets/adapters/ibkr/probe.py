"""Whether a gateway answers: the first words of the protocol over a bare socket, and nothing after them.

It takes no client id, so it disturbs nobody, and needs no library.
"""

from __future__ import annotations

import socket
import struct

from alluse_assets.adapters.ibkr.settings import IbkrSettings
from alluse_assets.base.errors import SourceError

# The oldest and the newest version of the protocol that ib_async 2.1 speaks.
_VERSIONS = b"v157..178"
_LONGEST_ANSWER = 1024


def server_version(settings: IbkrSettings, seconds: float = 3.0) -> int:
    """The protocol version of the gateway that listens there.

    Raises:
        SourceError: nobody listens, nobody answers within ``seconds``, or it is no gateway.
    """
    try:
        with socket.create_connection((settings.host, settings.port), seconds) as connection:
            connection.settimeout(seconds)
            connection.sendall(b"API\0" + struct.pack(">I", len(_VERSIONS)) + _VERSIONS)
            (length,) = struct.unpack(">I", _exactly(connection, 4))
            if length > _LONGEST_ANSWER:
                raise ValueError(f"an answer of {length} bytes")
            return int(_exactly(connection, length).split(b"\0")[0])
    except ConnectionRefusedError as error:
        raise SourceError(
            f"{settings.place} refuses connections; start TWS or the gateway and log in", is_passing=True
        ) from error
    except OSError as error:
        raise SourceError(
            f"{settings.place} does not answer ({error}); is the gateway logged in, its API switched on, and "
            "this machine among its trusted addresses?",
            is_passing=True,
        ) from error
    except ValueError as error:
        raise SourceError(f"{settings.place} answers, and is no gateway of Interactive Brokers") from error


def _exactly(connection: socket.socket, count: int) -> bytes:
    received = b""
    while len(received) < count:
        part = connection.recv(count - len(received))
        if not part:
            raise ConnectionError("it closed the connection")
        received += part
    return received
