-- When each live or paper book was last looked at: how its process is, not the book's history. A day of looks
-- that decide alike would be a thousand equal events; the watchdog needs only the last one.

CREATE TABLE alluse.book_looks (
    book text PRIMARY KEY REFERENCES alluse.book,
    looked_at timestamptz,
    failed_at timestamptz,
    failed_why text NOT NULL DEFAULT ''
);
COMMENT ON TABLE alluse.book_looks IS 'The last look at the market of each book that is walked in real time.';
COMMENT ON COLUMN alluse.book_looks.looked_at IS 'The instant of the last look that was made; null: none yet.';
COMMENT ON COLUMN alluse.book_looks.failed_at IS 'The last look that could not be made, and in failed_why the reason.';

GRANT SELECT, INSERT, UPDATE ON alluse.book_looks TO alluse_app;
