-- Where the catalogs stand, and whether a hub has read the log since the server started or the database
-- was restored. Nobody else moves them on until the transaction ends.
SELECT coalesce(seq, 0), coalesce((edits_head ->> 'seq')::bigint, 0),
       coalesce(server_start = pg_postmaster_start_time() AND place = causeway.place(), false), revision
FROM causeway.site
WHERE site = $1
FOR UPDATE;
