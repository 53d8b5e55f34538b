INSERT INTO causeway.loaded (site, table_name, part, known, object, edits, rows, clashes)
SELECT $1, put.table_name, put.part, put.known, put.object, put.edits, put.rows, put.clashes
FROM unnest($2::text[], $3::text[], $4::boolean[], $5::text[], $6::text[], $7::bigint[],
    $8::bigint[])
    AS put (table_name, part, known, object, edits, rows, clashes)
ON CONFLICT (site, table_name, part) DO UPDATE
SET known  = excluded.known,
    object = excluded.object,
    edits  = excluded.edits,
    rows   = excluded.rows,
    clashes = excluded.clashes;
