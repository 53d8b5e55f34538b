-- Schema causeway, version 9: what the hub knows of each site, and what waits to be flushed. The
-- sites' tables are in schemas of their own. All but the journal can be built again from the store.

-- Who this database is. One row.
CREATE TABLE causeway.database (
    id      text NOT NULL,  -- random: a database that is made again has another
    address text NOT NULL   -- where hubs reach it
);

-- The keys of rows that are born here: the rest of the block that this database took last.
CREATE SEQUENCE causeway.keys AS bigint MINVALUE 0 MAXVALUE 1 START 1 NO CYCLE;
SELECT nextval('causeway.keys');

-- How a site stands.
CREATE TABLE causeway.site (
    site        text   NOT NULL PRIMARY KEY,
    revision    bigint NOT NULL DEFAULT 0,  -- grows with each load and each flush
    -- The agent's commit that the catalog stands at.
    seq         bigint,
    at          timestamptz,
    epoch       bigint,
    writer_id   text,
    writer_host text,
    dataset     text,
    -- The commit of edits that their catalog stands at, as JSON.
    edits_head  json,
    -- What a database that does not own the edits has settled for itself, as JSON.
    settled     json,
    -- Both catalogs as the last load left the rows; a flush moves them on where that changes nothing.
    loaded_seq       bigint NOT NULL DEFAULT 0,
    loaded_edits_seq bigint NOT NULL DEFAULT 0,
    -- Writes are taken if `writable`, and since a hub read the log neither has the server started
    -- again nor was the database restored.
    writable    boolean NOT NULL DEFAULT false,
    server_start timestamptz,
    place       text,                       -- causeway.place() then
    triggers    text,                       -- the MD5 of the statements that made the site's triggers
    loaded_at   timestamptz,
    log_head    bigint,                     -- the newest of the agent's commits seen
    last_error  text,
    wanted      text                        -- the MD5 of what was loaded last: the dates, and how many partitions
);

-- The datasets, as canonical JSON.
CREATE TABLE causeway.dataset (
    site text NOT NULL,
    md5  text NOT NULL,
    json text NOT NULL,
    PRIMARY KEY (site, md5)
);

-- The agent's catalog: which object is current for each partition.
CREATE TABLE causeway.partition (
    site       text   NOT NULL,
    table_name text   NOT NULL,
    part       text   NOT NULL,
    md5        text   NOT NULL,
    rows       bigint NOT NULL,
    bytes      bigint NOT NULL,
    summary    json   NOT NULL,
    dataset    text   NOT NULL,
    seq        bigint NOT NULL,
    PRIMARY KEY (site, table_name, part)
);

-- The catalog of edits.
CREATE TABLE causeway.edits_partition (
    site       text   NOT NULL,
    table_name text   NOT NULL,
    part       text   NOT NULL,
    object     json   NOT NULL,  -- as a commit has it
    dataset    text   NOT NULL,
    seq        bigint NOT NULL,
    PRIMARY KEY (site, table_name, part)
);

-- The partitions whose rows are in the tables.
CREATE TABLE causeway.loaded (
    site       text    NOT NULL,
    table_name text    NOT NULL,
    part       text    NOT NULL,
    known      boolean NOT NULL,  -- whether the rows are of the version below; else they are loaded again
    object     text,              -- the MD5 of the site's object; NULL: none
    edits      text,              -- the MD5 of the edits object; NULL: none
    rows       bigint  NOT NULL,
    clashes    bigint  NOT NULL,  -- how many of them bear the clash mark
    PRIMARY KEY (site, table_name, part)
);

-- Dates that were asked for, and when they last were, written down once an hour.
CREATE TABLE causeway.asked (
    site text        NOT NULL,
    date date        NOT NULL,
    hour timestamptz NOT NULL,
    PRIMARY KEY (site, date)
);

-- What was changed here and is not in the store yet. The triggers of the sites' tables write it.
CREATE TABLE causeway.journal (
    site       text   NOT NULL,
    seq        bigint NOT NULL GENERATED ALWAYS AS IDENTITY,  -- orders the changes of a row
    id         uuid   NOT NULL DEFAULT gen_random_uuid(),     -- by which commits know it
    tx         bigint NOT NULL,  -- the transaction
    table_name text   NOT NULL,
    old_part   text,
    old        json,             -- {column: text or null}; NULL: the row was not there
    new_part   text,
    new        json,             -- NULL: the row is not there any more
    object     text,             -- the MD5 of the site's object that old_part was loaded from
    site_seq   bigint NOT NULL,  -- loaded_seq then
    edits_seq  bigint NOT NULL,  -- loaded_edits_seq then
    actor      text   NOT NULL,
    at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    held       boolean NOT NULL DEFAULT false,  -- kept while another database owned the edits
    mark       json,             -- of which kind it is, where it is not a change like any other
    PRIMARY KEY (site, seq)
);
-- What a transaction has deleted so far.
CREATE INDEX journal_tx ON causeway.journal (tx);

-- Copies of the hub's own files in the store, for when that is away.
CREATE TABLE causeway.copy (
    key  text  NOT NULL PRIMARY KEY,
    body bytea NOT NULL
);
