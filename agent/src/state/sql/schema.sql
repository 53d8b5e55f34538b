-- The agent's state: what the log says already, and what the last cycle found. All of it can be
-- made again from the log and the sources. Version 3 (PRAGMA user_version).

-- Single values, as JSON: the writer, the log's head, the gate's last look, the last cycle.
CREATE TABLE fact (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The catalog at the log's head.
CREATE TABLE partition (
  table_name TEXT NOT NULL,
  part       TEXT NOT NULL,
  md5        TEXT NOT NULL,
  row_count  INTEGER NOT NULL,
  bytes      INTEGER NOT NULL,
  summary    TEXT NOT NULL,
  dataset    TEXT NOT NULL,
  seq        INTEGER NOT NULL, -- of the commit that set it
  PRIMARY KEY (table_name, part)
) STRICT, WITHOUT ROWID;

-- The newest commits as they were written, so that a damaged one can be written again.
CREATE TABLE recent_commit (
  seq  INTEGER PRIMARY KEY,
  body BLOB NOT NULL
) STRICT;

-- Objects that are in the store and that no commit names yet.
CREATE TABLE upload (
  table_name  TEXT NOT NULL,
  part        TEXT NOT NULL,
  md5         TEXT NOT NULL,
  bytes       INTEGER NOT NULL,
  uploaded_ms INTEGER NOT NULL,
  PRIMARY KEY (table_name, part, md5)
) STRICT, WITHOUT ROWID;

-- What the last scan of a table found beside its rows.
CREATE TABLE scanned (
  table_name  TEXT PRIMARY KEY,
  place       TEXT,
  quarantined INTEGER NOT NULL,
  dangling    TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Refused rows of each table, the newest first.
CREATE TABLE refused (
  table_name  TEXT NOT NULL,
  number      INTEGER NOT NULL,
  since_ms    INTEGER NOT NULL,
  source      TEXT NOT NULL,
  place       TEXT NOT NULL,
  column_name TEXT,
  reason      TEXT NOT NULL,
  fields      TEXT NOT NULL,
  PRIMARY KEY (table_name, number)
) STRICT, WITHOUT ROWID;

-- Tables that are held back.
CREATE TABLE held (
  table_name TEXT PRIMARY KEY,
  held       TEXT NOT NULL
) STRICT, WITHOUT ROWID;
