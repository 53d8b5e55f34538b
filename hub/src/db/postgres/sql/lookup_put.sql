INSERT INTO causeway.lookup (site, lookup, part, md5, rows, bytes)
SELECT $1, put.lookup, put.part, put.md5, put.rows, put.bytes
FROM unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[])
    AS put (lookup, part, md5, rows, bytes)
ON CONFLICT (site, lookup, part) DO UPDATE
SET md5   = excluded.md5,
    rows  = excluded.rows,
    bytes = excluded.bytes;
