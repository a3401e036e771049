-- What a person was asked and what became of it, as the journal says now: for the app and the API.
--
-- Not a table of its own: the journal is the truth, and an answer counts only because it is an event.

-- Few events are requests; the others of a request are found by their keys.
CREATE INDEX journal_approval_requests ON alluse.journal (book, seq) WHERE type = 'approval.requested';

CREATE VIEW alluse.approval AS
SELECT
    asked.book,
    (asked.effective_at AT TIME ZONE 'America/New_York')::date AS session,
    asked.payload ->> 'approval' AS approval,
    asked.payload ->> 'kind' AS kind,
    coalesce(asked.payload #>> '{subject,account}', asked.payload #>> '{subject,orders,0,account}') AS account,
    asked.payload -> 'subject' AS subject,
    asked.payload ->> 'hash' AS subject_hash,
    ARRAY(SELECT json_array_elements_text(asked.payload -> 'reasons')) AS reasons,
    asked.payload ->> 'requested_by' AS requested_by,
    asked.effective_at AS requested_at,
    (asked.payload ->> 'expires_at')::timestamptz AS expires_at,
    CASE
        WHEN used.seq IS NOT NULL THEN 'used'
        WHEN expired.seq IS NOT NULL THEN 'expired'
        WHEN answered.payload ->> 'answer' = 'no' THEN 'refused'
        -- Nobody has said so yet, but an answer or a use would come too late. A replay has its own clock.
        WHEN book.kind <> 'replay' AND now() > (asked.payload ->> 'expires_at')::timestamptz THEN 'expired'
        WHEN answered.payload ->> 'answer' = 'yes' THEN 'approved'
        ELSE 'open'
    END AS state,
    answered.payload ->> 'answer' AS answer,
    answered.payload ->> 'by' AS answered_by,
    answered.effective_at AS answered_at,
    nullif(answered.payload ->> 'why', '') AS why,
    coalesce(used.effective_at, expired.effective_at) AS ended_at
FROM alluse.journal AS asked
JOIN alluse.book ON book.book = asked.book
LEFT JOIN alluse.journal AS answered
    ON answered.book = asked.book
    AND answered.key = 'approval/' || (asked.payload ->> 'approval') || '/answered'
LEFT JOIN alluse.journal AS used
    ON used.book = asked.book
    AND used.key = 'approval/' || (asked.payload ->> 'approval') || '/used'
LEFT JOIN alluse.journal AS expired
    ON expired.book = asked.book
    AND expired.key = 'approval/' || (asked.payload ->> 'approval') || '/expired'
WHERE asked.type = 'approval.requested';
COMMENT ON VIEW alluse.approval IS 'What a person was asked, who answered what, and what became of it.';
COMMENT ON COLUMN alluse.approval.subject IS 'Exactly what a yes is for.';
COMMENT ON COLUMN alluse.approval.state IS 'open, approved (a yes not used yet), refused, used, expired.';

GRANT SELECT ON alluse.approval TO alluse_app;
