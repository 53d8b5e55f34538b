-- <site>.db, version 2: the catalog has no lookups.
DROP TABLE causeway_lookup;
