-- A file of version 3 as earlier programs made it, with a row in it.
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
-- <site>.db, version 2: the catalog has no lookups.
DROP TABLE causeway_lookup;
-- <site>.db, version 3: the catalog knows which commit set a partition. Of those that are there
-- already the loaded commit is no earlier than that one.
ALTER TABLE causeway_partition ADD COLUMN seq INTEGER NOT NULL DEFAULT 0;
UPDATE causeway_partition SET seq = coalesce((SELECT seq FROM causeway_site), 0);

CREATE TABLE "visit" ("id" INTEGER NOT NULL, "causeway_part" TEXT, PRIMARY KEY ("id"));
INSERT INTO "visit" VALUES (1, 'dt=2025-11-28');
INSERT INTO causeway_site (site, revision) VALUES ('here', 9);
PRAGMA user_version = 3;
PRAGMA journal_mode = wal;
