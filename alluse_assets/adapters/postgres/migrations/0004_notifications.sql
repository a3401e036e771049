-- What was tried to tell people of alerts. Operational facts, not the book's: another channel or a repeated
-- message changes no journal. No text of an alert and no address of a channel is in here.

CREATE TABLE alluse.notification_deliveries (
    book text NOT NULL REFERENCES alluse.book,
    alert text NOT NULL,
    channel text NOT NULL CHECK (channel ~ '^[a-z][a-z0-9_-]{0,39}$'),
    round smallint NOT NULL CHECK (round >= 0),
    attempt smallint NOT NULL CHECK (attempt > 0),
    kind text NOT NULL CHECK (kind IN ('first', 'digest', 'retry', 'escalation')),
    at timestamptz NOT NULL,
    outcome text NOT NULL DEFAULT 'sending' CHECK (outcome IN ('sending', 'sent', 'failed')),
    error text NOT NULL DEFAULT '',
    next_attempt_at timestamptz,
    -- The claim: whoever writes the row sends, and nobody else writes it.
    PRIMARY KEY (book, alert, channel, round, attempt),
    CHECK ((kind = 'retry') = (attempt > 1)),
    CHECK (attempt > 1 OR (kind = 'escalation') = (round > 0)),
    CHECK (outcome = 'failed' OR next_attempt_at IS NULL)
);
COMMENT ON TABLE alluse.notification_deliveries IS 'One try to deliver one alert to one channel.';
COMMENT ON COLUMN alluse.notification_deliveries.round IS '0 tells an alert for the first time, each later one is an escalation.';
COMMENT ON COLUMN alluse.notification_deliveries.outcome IS 'sending without a notifier at work: it was stopped before it knew, and sends again.';
COMMENT ON COLUMN alluse.notification_deliveries.next_attempt_at IS 'When a failed try is repeated; null after the last one.';
CREATE INDEX notification_deliveries_under_way ON alluse.notification_deliveries (book) WHERE outcome = 'sending';

CREATE FUNCTION alluse.check_delivery_ends_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.outcome <> 'sending' OR (NEW.book, NEW.alert, NEW.channel, NEW.round, NEW.attempt, NEW.kind, NEW.at)
        IS DISTINCT FROM (OLD.book, OLD.alert, OLD.channel, OLD.round, OLD.attempt, OLD.kind, OLD.at) THEN
        RAISE EXCEPTION 'book %: the delivery of alert % to % has ended and does not change',
            OLD.book, OLD.alert, OLD.channel USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER delivery_ends_once BEFORE UPDATE ON alluse.notification_deliveries
    FOR EACH ROW EXECUTE FUNCTION alluse.check_delivery_ends_once();

GRANT SELECT, INSERT ON alluse.notification_deliveries TO alluse_app;
GRANT UPDATE (outcome, error, next_attempt_at) ON alluse.notification_deliveries TO alluse_app;

-- Reading a book's alerts without reading the book. The type comes first, so that a look-up by (book, seq)
-- never takes this index for the primary key.
CREATE INDEX journal_by_type ON alluse.journal (type, book, seq);
