-- causeway.db, version 1: which sites there are. What belongs to a site is in its own file.
CREATE TABLE site (
    site TEXT NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;
