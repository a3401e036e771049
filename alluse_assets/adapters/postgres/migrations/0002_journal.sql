-- The journal and its postings: append-only, chained, double entry. What the application promises in
-- code is enforced here as well, so that a defect of ours cannot break it.

CREATE TABLE alluse.book (
    book text PRIMARY KEY CHECK (book ~ '^[a-z0-9][a-z0-9_.-]{0,62}$'),
    kind text NOT NULL CHECK (kind IN ('live', 'paper', 'replay')),
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE alluse.book IS 'One lump sum with its own accounts, orders, journal and clock.';

CREATE TABLE alluse.journal (
    book text NOT NULL REFERENCES alluse.book,
    seq bigint NOT NULL CHECK (seq > 0),
    type text NOT NULL,
    version smallint NOT NULL CHECK (version > 0),
    effective_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    actor text NOT NULL,
    cause text,
    key text NOT NULL,
    -- json, not jsonb: it keeps the canonical text to the byte, which is what was hashed.
    payload json NOT NULL,
    prev_hash bytea NOT NULL CHECK (octet_length(prev_hash) = 32),
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    seal bytea NOT NULL CHECK (octet_length(seal) = 32),
    written_by xid8 NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (book, seq),
    -- Not (book, key): a look-up by (book, seq) could take that index as well, and on a table without
    -- statistics it did, reading a whole book for every row.
    UNIQUE (key, book)
);
COMMENT ON TABLE alluse.journal IS 'Everything that happened, in order, hash-chained per book. Append-only.';
COMMENT ON COLUMN alluse.journal.key IS 'Idempotency key: the same thing happens once per book.';
COMMENT ON COLUMN alluse.journal.cause IS 'Key of the event that led to this one.';
COMMENT ON COLUMN alluse.journal.hash IS 'SHA-256 of the previous hash and the canonical bytes (no book, no wall clock).';
COMMENT ON COLUMN alluse.journal.seal IS 'SHA-256 of the previous seal, the hash, the book and recorded_at.';
COMMENT ON COLUMN alluse.journal.written_by IS 'The transaction that wrote the event: its postings belong to it alone.';

CREATE TABLE alluse.posting (
    book text NOT NULL,
    seq bigint NOT NULL,
    line smallint NOT NULL CHECK (line > 0),
    account text NOT NULL,
    ledger_account text NOT NULL CHECK (ledger_account IN (
        'cash', 'receivables', 'shares', 'long_options', 'short_options', 'realised_gain', 'dividends',
        'interest', 'fees', 'tax_reserve', 'tax_paid', 'transfers_in', 'transfers_out', 'capital')),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    amount numeric(20, 2) NOT NULL,
    instrument text,
    quantity bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (book, seq, line),
    FOREIGN KEY (book, seq) REFERENCES alluse.journal,
    CHECK (quantity = 0 OR instrument IS NOT NULL)
);
COMMENT ON TABLE alluse.posting IS 'Double entry: the lines of an event sum to zero per currency. Debits are positive.';
CREATE INDEX posting_by_account ON alluse.posting (account, ledger_account, book);

CREATE FUNCTION alluse.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on alluse.% is refused: it is append-only', tg_op, tg_table_name
        USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER journal_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON alluse.journal
    FOR EACH STATEMENT EXECUTE FUNCTION alluse.refuse_change();
CREATE TRIGGER posting_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON alluse.posting
    FOR EACH STATEMENT EXECUTE FUNCTION alluse.refuse_change();
CREATE TRIGGER book_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON alluse.book
    FOR EACH STATEMENT EXECUTE FUNCTION alluse.refuse_change();

-- Gapless and chained: an event continues exactly the one before it.
CREATE FUNCTION alluse.check_journal_link() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    expected bytea := decode(repeat('00', 32), 'hex');
BEGIN
    NEW.written_by := pg_current_xact_id();
    IF NEW.seq > 1 THEN
        SELECT hash INTO expected FROM alluse.journal WHERE book = NEW.book AND seq = NEW.seq - 1;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'book %: event % has no event before it', NEW.book, NEW.seq
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
    END IF;
    IF NEW.prev_hash <> expected THEN
        RAISE EXCEPTION 'book %: event % does not continue the chain', NEW.book, NEW.seq
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER journal_link BEFORE INSERT ON alluse.journal
    FOR EACH ROW EXECUTE FUNCTION alluse.check_journal_link();

-- An event takes no posting after its own transaction.
CREATE FUNCTION alluse.check_posting_is_of_its_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM alluse.journal
        WHERE book = NEW.book AND seq = NEW.seq AND written_by = pg_current_xact_id()
    ) THEN
        RAISE EXCEPTION 'book %: event % takes no posting after its own transaction', NEW.book, NEW.seq
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER posting_of_its_event BEFORE INSERT ON alluse.posting
    FOR EACH ROW EXECUTE FUNCTION alluse.check_posting_is_of_its_event();

-- Deferred and per row: a statement's end is too early, and the event's last line may come in another one.
CREATE FUNCTION alluse.check_postings_balance() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong record;
BEGIN
    SELECT currency, sum(amount) AS total INTO wrong
    FROM alluse.posting WHERE book = NEW.book AND seq = NEW.seq
    GROUP BY currency HAVING sum(amount) <> 0 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'book %: the postings of event % sum to % %, not zero',
            NEW.book, NEW.seq, wrong.total, wrong.currency
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER postings_balance AFTER INSERT ON alluse.posting
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION alluse.check_postings_balance();

GRANT SELECT, INSERT ON alluse.book, alluse.journal, alluse.posting TO alluse_app;
