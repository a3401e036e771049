"""Being the only process that does a thing: an advisory lock that ends with its session.

A killed process's lock is free at once, and no row has to be cleaned up after it.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager

from alluse_assets.adapters.postgres.connect import Pool

_LOOK_EVERY_SECONDS = 0.2


@contextmanager
def lease(pool: Pool, name: str, wait_seconds: float) -> Iterator[bool]:
    """Hold the lock called ``name`` for the block; False when another process still has it after the wait."""
    number = int.from_bytes(hashlib.sha256(f"alluse {name}".encode()).digest()[:8], "big", signed=True)
    deadline = time.monotonic() + wait_seconds
    with pool.connection() as connection:
        while True:
            row = connection.execute("SELECT pg_try_advisory_lock(%s)", [number]).fetchone()
            connection.commit()
            held = bool(row and row[0])
            if held or time.monotonic() >= deadline:
                break
            time.sleep(_LOOK_EVERY_SECONDS)
        try:
            yield held
        finally:
            if held:
                connection.execute("SELECT pg_advisory_unlock(%s)", [number])
                connection.commit()
