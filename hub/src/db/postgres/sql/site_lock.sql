-- Where the catalogs stand. Nobody else moves them on until the transaction ends.
SELECT coalesce(seq, 0), coalesce((edits_head ->> 'seq')::bigint, 0)
FROM causeway.site
WHERE site = $1
FOR UPDATE;
