-- The hub's own tables in their fourth layout, and a site's tables of then: what `init` empties.
CREATE SCHEMA causeway;
CREATE TABLE causeway.version (version bigint NOT NULL);
INSERT INTO causeway.version VALUES (4);
CREATE TABLE causeway.site (
    site text NOT NULL PRIMARY KEY, revision bigint NOT NULL DEFAULT 0, seq bigint, at timestamptz,
    epoch bigint, writer_id text, writer_host text, dataset text, loaded_at timestamptz, log_head bigint,
    last_error text
);
CREATE TABLE causeway.dataset (
    site text NOT NULL, md5 text NOT NULL, json text NOT NULL, PRIMARY KEY (site, md5)
);
CREATE TABLE causeway.partition (
    site text NOT NULL, table_name text NOT NULL, part text NOT NULL, md5 text NOT NULL,
    rows bigint NOT NULL, bytes bigint NOT NULL, summary json NOT NULL, dataset text NOT NULL,
    seq bigint NOT NULL, PRIMARY KEY (site, table_name, part)
);
CREATE TABLE causeway.loaded (
    site text NOT NULL, table_name text NOT NULL, part text NOT NULL, md5 text NOT NULL,
    rows bigint NOT NULL, PRIMARY KEY (site, table_name, part)
);
CREATE TABLE causeway.copy (key text NOT NULL PRIMARY KEY, body bytea NOT NULL);
INSERT INTO causeway.site (site, revision, seq, at, epoch, writer_id, writer_host, dataset)
    VALUES ('here', 3, 1, now(), 1, 'writer', 'host', 'd');
INSERT INTO causeway.dataset VALUES ('here', 'd', '{"name":"shop","table":[{"name":"item"},{"name":"sale"}]}');
INSERT INTO causeway.partition VALUES ('here', 'item', 'b=0of2', 'm', 1, 9, '{}', 'd', 1);
INSERT INTO causeway.loaded VALUES ('here', 'item', 'b=0of2', 'm', 1);
CREATE SCHEMA here;
CREATE TABLE here.item (causeway_part text NOT NULL, id bigint PRIMARY KEY, name varchar(20));
INSERT INTO here.item VALUES ('b=0of2', 1, 'of then');
CREATE TABLE here.theirs (note text);
INSERT INTO here.theirs VALUES ('kept');
