-- Partitions that somebody wrote rows into and that are not loaded: they are to be.
INSERT INTO causeway.loaded (site, table_name, part, known, rows, clashes)
SELECT $1, put.table_name, put.part, false, 0, 0
FROM unnest($2::text[], $3::text[]) AS put (table_name, part)
ON CONFLICT (site, table_name, part) DO NOTHING;
