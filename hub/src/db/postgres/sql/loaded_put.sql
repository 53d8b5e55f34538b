INSERT INTO causeway.loaded (site, table_name, part, md5, rows)
SELECT $1, put.table_name, put.part, put.md5, put.rows
FROM unnest($2::text[], $3::text[], $4::text[], $5::bigint[]) AS put (table_name, part, md5, rows)
ON CONFLICT (site, table_name, part) DO UPDATE
SET md5  = excluded.md5,
    rows = excluded.rows;
