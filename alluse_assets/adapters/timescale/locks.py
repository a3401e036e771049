"""Who waits for whom in the hot store: one writer a table and market, one maker of tables."""

from __future__ import annotations

from alluse_assets.adapters.postgres.connect import Connection


def lock_table(connection: Connection, *what: str) -> None:
    """Wait until nobody else holds ``what``, and hold it until the end of the transaction.

    Writers would otherwise see each other's half of an upsert; readers never wait.
    """
    connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [" ".join(("alluse hot store", *what))]
    )
