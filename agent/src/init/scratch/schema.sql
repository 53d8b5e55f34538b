-- Nothing here outlives the program, so that nothing has to be safe on the disk.
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA locking_mode = EXCLUSIVE;
CREATE TABLE seen (
  in_set INTEGER NOT NULL,
  hash BLOB NOT NULL,
  PRIMARY KEY (in_set, hash)
) WITHOUT ROWID;
BEGIN;
