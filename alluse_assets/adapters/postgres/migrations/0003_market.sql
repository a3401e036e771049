-- The hot store's schema. Its tables are made from the table descriptions, not here, and they only hold
-- what the lake or a source has as well: so the application owns them, unlike the journal.

CREATE SCHEMA market;
COMMENT ON SCHEMA market IS 'Hot store: live quotes and bars, snapshots, indicators, served series.';
GRANT USAGE, CREATE ON SCHEMA market TO alluse_app;

CREATE TABLE market.served_table (
    name text PRIMARY KEY,
    form text NOT NULL CHECK (form IN ('hypertable', 'partitioned', 'continuous aggregate')),
    fingerprint text NOT NULL CHECK (fingerprint ~ '^[0-9a-f]{64}$'),
    pruned_before date,
    changed_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN market.served_table.pruned_before IS
    'Rows of sessions before this day were dropped: what was summarised of them is not made again.';
COMMENT ON TABLE market.served_table IS 'The form each table was made in, and the description it agrees with.';
GRANT SELECT, INSERT, UPDATE, DELETE ON market.served_table TO alluse_app;
