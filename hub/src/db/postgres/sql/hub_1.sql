-- Schema causeway, version 1: what the hub knows of each site. The sites' tables are in schemas of
-- their own. All of it can be built again from the store.

-- How a site stands.
CREATE TABLE causeway.site (
    site        text   NOT NULL PRIMARY KEY,
    revision    bigint NOT NULL DEFAULT 0,  -- grows with each load
    -- The commit that the rows stand at.
    seq         bigint,
    at          timestamptz,
    epoch       bigint,
    writer_id   text,
    writer_host text,
    dataset     text,
    loaded_at   timestamptz,
    log_head    bigint,                     -- the newest commit seen
    last_error  text
);

-- The datasets, as canonical JSON.
CREATE TABLE causeway.dataset (
    site text NOT NULL,
    md5  text NOT NULL,
    json text NOT NULL,
    PRIMARY KEY (site, md5)
);

-- The catalog: which object is current for each partition at the loaded commit.
CREATE TABLE causeway.partition (
    site       text   NOT NULL,
    table_name text   NOT NULL,
    part       text   NOT NULL,
    md5        text   NOT NULL,
    rows       bigint NOT NULL,
    bytes      bigint NOT NULL,
    summary    json   NOT NULL,
    dataset    text   NOT NULL,
    PRIMARY KEY (site, table_name, part)
);

CREATE TABLE causeway.lookup (
    site   text   NOT NULL,
    lookup text   NOT NULL,
    part   text   NOT NULL,
    md5    text   NOT NULL,
    rows   bigint NOT NULL,
    bytes  bigint NOT NULL,
    PRIMARY KEY (site, lookup, part)
);

-- The partitions whose rows are in the tables.
CREATE TABLE causeway.loaded (
    site       text   NOT NULL,
    table_name text   NOT NULL,
    part       text   NOT NULL,
    md5        text   NOT NULL,
    rows       bigint NOT NULL,
    PRIMARY KEY (site, table_name, part)
);
