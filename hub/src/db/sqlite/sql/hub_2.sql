-- causeway.db, version 2: copies of the hub's own files in the store, for when that is away.
CREATE TABLE copy (
    key  TEXT NOT NULL PRIMARY KEY,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
