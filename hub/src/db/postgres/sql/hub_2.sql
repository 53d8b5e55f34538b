-- Schema causeway, version 2: the catalog of a site has no lookups.
DROP TABLE causeway.lookup;
