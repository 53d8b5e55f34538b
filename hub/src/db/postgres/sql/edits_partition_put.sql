INSERT INTO causeway.edits_partition (site, table_name, part, object, dataset, seq)
SELECT $1, put.table_name, put.part, put.object::json, put.dataset, put.seq
FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[])
    AS put (table_name, part, object, dataset, seq)
ON CONFLICT (site, table_name, part) DO UPDATE
SET object  = excluded.object,
    dataset = excluded.dataset,
    seq     = excluded.seq;
