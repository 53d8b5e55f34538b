-- The site after a flush: $2 whether the catalog of edits moved on, to $3, and $4 whether the rows stand
-- at it; $5 whether a hub has read the log since the server started or the database was restored;
-- $6 whether writes are taken; $7 where the database was when the flush read what it goes by: it may have
-- been restored since.
UPDATE causeway.site
SET revision = revision + 1,
    edits_head = CASE WHEN $2 THEN $3::text::json ELSE edits_head END,
    loaded_edits_seq = CASE
        WHEN $2 AND $4 THEN coalesce(($3::text::json ->> 'seq')::bigint, 0)
        ELSE loaded_edits_seq
    END,
    server_start = CASE WHEN $5 THEN pg_postmaster_start_time() ELSE server_start END,
    place = CASE WHEN $5 THEN coalesce($7, place) ELSE place END,
    writable = coalesce($6, writable)
WHERE site = $1;
