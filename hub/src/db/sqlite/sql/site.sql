-- <site>.db, version 7: beside the site's tables, what the hub knows of the site and what waits to be
-- flushed. All but the journal can be built again from the store.

-- How the site stands. One row.
CREATE TABLE causeway_site (
    site        TEXT    NOT NULL PRIMARY KEY,
    revision    INTEGER NOT NULL DEFAULT 0,  -- grows with each load and each flush
    -- The agent's commit that the catalog stands at.
    seq         INTEGER,
    at          TEXT,
    epoch       INTEGER,
    writer_id   TEXT,
    writer_host TEXT,
    dataset     TEXT,
    -- The commit of edits that their catalog stands at, as JSON.
    edits_head  TEXT,
    -- What a database that does not own the edits has settled for itself, as JSON.
    settled     TEXT,
    -- Both catalogs as the last load left the rows; a flush moves them on where that changes nothing.
    loaded_seq       INTEGER NOT NULL DEFAULT 0,
    loaded_edits_seq INTEGER NOT NULL DEFAULT 0,
    -- Writes are taken if `writable`, and this process has read the log since it opened the database.
    writable    INTEGER NOT NULL DEFAULT 0,
    triggers    TEXT,                        -- the MD5 of the statements that made the tables' triggers
    zone        TEXT,                        -- whose time a row has that is born here
    loaded_at   TEXT,
    log_head    INTEGER,                     -- the newest of the agent's commits seen
    last_error  TEXT,
    wanted      TEXT                         -- the MD5 of what was loaded last: the dates, and how many partitions
) STRICT, WITHOUT ROWID;

-- The datasets, as canonical JSON.
CREATE TABLE causeway_dataset (
    md5  TEXT NOT NULL PRIMARY KEY,
    json TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The agent's catalog: which object is current for each partition.
CREATE TABLE causeway_partition (
    table_name TEXT    NOT NULL,
    part       TEXT    NOT NULL,
    md5        TEXT    NOT NULL,
    rows       INTEGER NOT NULL,
    bytes      INTEGER NOT NULL,
    summary    TEXT    NOT NULL,
    dataset    TEXT    NOT NULL,
    seq        INTEGER NOT NULL,
    PRIMARY KEY (table_name, part)
) STRICT, WITHOUT ROWID;

-- The catalog of edits.
CREATE TABLE causeway_edits_partition (
    table_name TEXT    NOT NULL,
    part       TEXT    NOT NULL,
    object     TEXT    NOT NULL,  -- as a commit has it, JSON
    dataset    TEXT    NOT NULL,
    seq        INTEGER NOT NULL,
    PRIMARY KEY (table_name, part)
) STRICT, WITHOUT ROWID;

-- The partitions whose rows are in the tables.
CREATE TABLE causeway_loaded (
    table_name TEXT    NOT NULL,
    part       TEXT    NOT NULL,
    known      INTEGER NOT NULL,  -- whether the rows are of the version below; else they are loaded again
    object     TEXT,              -- the MD5 of the site's object; NULL: none
    edits      TEXT,              -- the MD5 of the edits object; NULL: none
    rows       INTEGER NOT NULL,
    clashes    INTEGER NOT NULL,  -- how many of them bear the clash mark
    PRIMARY KEY (table_name, part)
) STRICT, WITHOUT ROWID;

-- Dates that were asked for, and when they last were, written down once an hour.
CREATE TABLE causeway_asked (
    date TEXT NOT NULL PRIMARY KEY,
    hour TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What was changed here and is not in the store yet. The triggers of the site's tables write it.
CREATE TABLE causeway_journal (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,  -- orders the changes of a row
    id         TEXT    NOT NULL,  -- a UUID, by which commits know it
    tx         INTEGER NOT NULL,  -- the transaction
    table_name TEXT    NOT NULL,
    old_part   TEXT,
    old        TEXT,              -- JSON, {column: text or null}; NULL: the row was not there
    new_part   TEXT,
    new        TEXT,              -- NULL: the row is not there any more
    object     TEXT,              -- the MD5 of the site's object that old_part was loaded from
    site_seq   INTEGER NOT NULL,  -- loaded_seq then
    edits_seq  INTEGER NOT NULL,  -- loaded_edits_seq then
    actor      TEXT    NOT NULL,
    at         TEXT    NOT NULL,
    held       INTEGER NOT NULL DEFAULT 0, -- kept while another database owned the edits
    mark       TEXT               -- JSON: of which kind it is, where it is not a change like any other
) STRICT;
