-- causeway.db, version 3: which sites there are. What belongs to a site is in its own file.

-- Who this database is. One row.
CREATE TABLE database (
    id      TEXT NOT NULL,  -- random: a database that is made again has another
    address TEXT NOT NULL   -- where hubs reach it
) STRICT;

CREATE TABLE IF NOT EXISTS site (
    site TEXT NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- Copies of the hub's own files in the store, for when that is away.
CREATE TABLE copy (
    key  TEXT NOT NULL PRIMARY KEY,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
