INSERT INTO causeway.loaded (site, table_name, part, known, object, edits, rows)
SELECT $1, put.table_name, put.part, put.known, put.object, put.edits, put.rows
FROM unnest($2::text[], $3::text[], $4::boolean[], $5::text[], $6::text[], $7::bigint[])
    AS put (table_name, part, known, object, edits, rows)
ON CONFLICT (site, table_name, part) DO UPDATE
SET known  = excluded.known,
    object = excluded.object,
    edits  = excluded.edits,
    rows   = excluded.rows;
