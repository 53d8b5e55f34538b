PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -4096;
CREATE TABLE kept (
    key BLOB PRIMARY KEY,
    record BLOB NOT NULL,
    replaced INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
BEGIN;
