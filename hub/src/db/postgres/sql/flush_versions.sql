-- Partitions whose rows changed. Where those that are loaded are of the first version and none of them
-- clashes, they are of the second one now; else they are loaded again. The catalogs know how many rows
-- a version has.
UPDATE causeway.loaded
SET known = put.known AND loaded.known AND loaded.clashes = 0
        AND loaded.object IS NOT DISTINCT FROM put.was_object
        AND loaded.edits IS NOT DISTINCT FROM put.was_edits,
    object = put.object,
    edits  = put.edits,
    rows   = coalesce(
        (SELECT (e.object #>> '{merged,rows}')::bigint FROM causeway.edits_partition AS e
         WHERE e.site = $1 AND e.table_name = put.table_name AND e.part = put.part
           AND e.object ->> 'md5' = put.edits),
        (SELECT p.rows FROM causeway.partition AS p
         WHERE p.site = $1 AND p.table_name = put.table_name AND p.part = put.part
           AND p.md5 = put.object AND put.edits IS NULL),
        loaded.rows)
FROM unnest($2::text[], $3::text[], $4::boolean[], $5::text[], $6::text[], $7::text[], $8::text[])
    AS put (table_name, part, known, was_object, was_edits, object, edits)
WHERE loaded.site = $1
  AND loaded.table_name = put.table_name
  AND loaded.part = put.part;
