PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -4096;
-- `replaced`: the number of the file's row that takes the place.
CREATE TABLE kept (
    key BLOB PRIMARY KEY,
    record BLOB NOT NULL,
    replaced INTEGER
) WITHOUT ROWID;
CREATE INDEX kept_replaced ON kept (replaced) WHERE replaced IS NOT NULL;
-- Rows of the file that took a place and were refused.
CREATE TABLE refused (
    at INTEGER PRIMARY KEY,
    "column" INTEGER,
    reason TEXT NOT NULL
);
BEGIN;
