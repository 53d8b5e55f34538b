-- <site>.partials.db, version 2: what was learned of the site's partitions by reading them once. All of
-- it can be made again.
CREATE TABLE partial (
    what    TEXT NOT NULL,
    part    TEXT NOT NULL,
    version TEXT NOT NULL,  -- names all that it was made from
    body    BLOB NOT NULL,
    PRIMARY KEY (what, part)
) STRICT;  -- in a table WITHOUT ROWID a body of 1 kB takes a page
