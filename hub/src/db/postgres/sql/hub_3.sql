-- Schema causeway, version 3: copies of the hub's own files in the store, for when that is away.
CREATE TABLE causeway.copy (
    key  text  NOT NULL PRIMARY KEY,
    body bytea NOT NULL
);
