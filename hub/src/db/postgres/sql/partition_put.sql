INSERT INTO causeway.partition (site, table_name, part, md5, rows, bytes, summary, dataset, seq)
SELECT $1, put.table_name, put.part, put.md5, put.rows, put.bytes, put.summary::json, put.dataset, put.seq
FROM unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::text[], $8::text[],
    $9::bigint[])
    AS put (table_name, part, md5, rows, bytes, summary, dataset, seq)
ON CONFLICT (site, table_name, part) DO UPDATE
SET md5     = excluded.md5,
    rows    = excluded.rows,
    bytes   = excluded.bytes,
    summary = excluded.summary,
    dataset = excluded.dataset,
    seq     = excluded.seq;
