-- <site>.db, version 1: beside the site's tables, what the hub knows of the site. One row.
CREATE TABLE causeway_site (
    site        TEXT    NOT NULL PRIMARY KEY,
    revision    INTEGER NOT NULL DEFAULT 0,  -- grows with each load
    -- The commit that the rows stand at.
    seq         INTEGER,
    at          TEXT,
    epoch       INTEGER,
    writer_id   TEXT,
    writer_host TEXT,
    dataset     TEXT,
    loaded_at   TEXT,
    log_head    INTEGER,                     -- the newest commit seen
    last_error  TEXT
) STRICT, WITHOUT ROWID;

-- The datasets, as canonical JSON.
CREATE TABLE causeway_dataset (
    md5  TEXT NOT NULL PRIMARY KEY,
    json TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The catalog: which object is current for each partition at the loaded commit.
CREATE TABLE causeway_partition (
    table_name TEXT    NOT NULL,
    part       TEXT    NOT NULL,
    md5        TEXT    NOT NULL,
    rows       INTEGER NOT NULL,
    bytes      INTEGER NOT NULL,
    summary    TEXT    NOT NULL,
    dataset    TEXT    NOT NULL,
    PRIMARY KEY (table_name, part)
) STRICT, WITHOUT ROWID;

CREATE TABLE causeway_lookup (
    lookup TEXT    NOT NULL,
    part   TEXT    NOT NULL,
    md5    TEXT    NOT NULL,
    rows   INTEGER NOT NULL,
    bytes  INTEGER NOT NULL,
    PRIMARY KEY (lookup, part)
) STRICT, WITHOUT ROWID;

-- The partitions whose rows are in the tables.
CREATE TABLE causeway_loaded (
    table_name TEXT    NOT NULL,
    part       TEXT    NOT NULL,
    md5        TEXT    NOT NULL,
    rows       INTEGER NOT NULL,
    PRIMARY KEY (table_name, part)
) STRICT, WITHOUT ROWID;
