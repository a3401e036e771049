-- The two schemas and the application's role.
--
-- The owner (whoever migrates) has everything; the application works as alluse_app and has what the
-- later migrations grant it. Dagster keeps its own tables in the schema dagster, as the owner.

CREATE SCHEMA alluse;
COMMENT ON SCHEMA alluse IS 'ALL-USE: journal, ledger, orders, configuration.';

CREATE SCHEMA dagster;
COMMENT ON SCHEMA dagster IS 'Dagster''s own storage: runs, events, schedules.';

-- Roles belong to the whole server: another database of it may have made this one already.
-- On the embedded server it exists and may log in; elsewhere it is only a set of rights.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'alluse_app') THEN
        CREATE ROLE alluse_app NOLOGIN;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN
        NULL;
    WHEN insufficient_privilege THEN
        RAISE EXCEPTION 'role alluse_app is missing and % may not create roles', current_user
            USING HINT = format(
                'as an administrator: CREATE ROLE alluse_app NOLOGIN; GRANT alluse_app TO %I;', current_user);
END
$$;

DO $$
BEGIN
    SET LOCAL ROLE alluse_app;
    RESET ROLE;
EXCEPTION
    WHEN insufficient_privilege THEN
        EXECUTE format('GRANT alluse_app TO %I', current_user);
END
$$;

GRANT USAGE ON SCHEMA alluse TO alluse_app;

CREATE TABLE alluse.migration (
    number integer PRIMARY KEY CHECK (number > 0),
    name text NOT NULL,
    sha256 text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    applied_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE alluse.migration IS 'One row for each migration file that has been applied.';
GRANT SELECT ON alluse.migration TO alluse_app;
