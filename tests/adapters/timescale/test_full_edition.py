"""The statements that only the edition with all features takes: columnstore, aggregates, policies.

It can be had as WebAssembly, which serves one connection and no COPY: so this is one test on one connection.
How to start it, and what the difference is: docs/decisions/hot-store.md.
"""

import os
from datetime import timedelta

import psycopg
import pytest

from alluse_assets.adapters.postgres.migrate import read_migrations
from alluse_assets.adapters.timescale.aggregates import AGGREGATES, refresh
from alluse_assets.adapters.timescale.edition import edition_of
from alluse_assets.adapters.timescale.retention import drop_before, set_retention
from alluse_assets.adapters.timescale.schema import bring_up_to_date, forms_of
from alluse_assets.adapters.timescale.served_tables import SERVED, served
from alluse_assets.market_data.tables import BARS, INTRADAY_BARS
from tests.adapters.timescale.rows import MONDAY, minute_bars

VARIABLE = "ALLUSE_TEST_TIMESCALE_FULL_URL"
ROLE = "DO $$ BEGIN CREATE ROLE alluse_app NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$"
JOBS = """
SELECT hypertable_name, proc_name FROM timescaledb_information.jobs
WHERE hypertable_schema = 'market' ORDER BY hypertable_name, proc_name
"""


@pytest.mark.skipif(
    VARIABLE not in os.environ, reason=f"no edition with all features: name one in {VARIABLE}"
)
def test_the_edition_with_all_features_takes_every_statement() -> None:
    with psycopg.connect(os.environ[VARIABLE], autocommit=True, prepare_threshold=None) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS timescaledb")
        connection.execute("DROP SCHEMA IF EXISTS market CASCADE")
        connection.execute(
            "DO $$ BEGIN CREATE ROLE alluse_app NOLOGIN; EXCEPTION WHEN others THEN NULL; END $$"
        )
        (migration,) = (m for m in read_migrations() if m.name.endswith("_market"))
        connection.execute(migration.text.encode())
        edition = edition_of(connection)
        assert edition.kind == "full"

        assert len(bring_up_to_date(connection, edition)) > len(forms_of(connection))
        assert bring_up_to_date(connection, edition) == []
        for days in (30, 60):
            for served_table in SERVED:
                if served_table.is_live:
                    set_retention(connection, served_table, days)
        forms = forms_of(connection)
        assert forms["bars_daily"] == forms["premium_30m"] == "continuous aggregate"
        jobs = connection.execute(JOBS).fetchall()
        assert ("bars", "policy_compression") in jobs
        assert [name for name, proc in jobs if proc == "policy_retention"] == [
            "intraday_bars",
            "option_ticks",
            "share_quotes",
        ]

        table = served(INTRADAY_BARS)
        rows = minute_bars(MONDAY, 20).rows()
        columns, marks = ", ".join(INTRADAY_BARS.names), ", ".join(["%s"] * len(INTRADAY_BARS.names))
        for row in rows:
            insert = f"INSERT INTO market.intraday_bars (market, {columns}) VALUES ('live', {marks})"
            connection.execute(insert.encode(), row)
        for aggregate in AGGREGATES:
            refresh(connection, aggregate, MONDAY, MONDAY, forms[aggregate.served.name])
        day = connection.execute("SELECT open, close, volume, bars FROM market.bars_daily").fetchall()
        first, last = rows[0], rows[-1]
        volume = sum(row[INTRADAY_BARS.names.index("volume")] for row in rows)
        place = INTRADAY_BARS.names.index
        assert day == [(first[place("open")], last[place("close")], volume, 20)]

        (chunk,) = connection.execute("SELECT show_chunks('market.intraday_bars')::text").fetchone() or ("",)
        connection.execute("CALL convert_to_columnstore(%s::regclass)", [chunk])
        count = connection.execute("SELECT count(*) FROM market.intraday_bars").fetchone()
        assert count == (20,)
        assert drop_before(connection, table, MONDAY + timedelta(days=60), forms["intraday_bars"]) == [chunk]
        for aggregate in AGGREGATES:
            refresh(connection, aggregate, MONDAY, MONDAY, forms[aggregate.served.name])
        assert connection.execute("SELECT bars FROM market.bars_daily").fetchall() == [(20,)]
        assert forms[BARS.name] == "hypertable"
