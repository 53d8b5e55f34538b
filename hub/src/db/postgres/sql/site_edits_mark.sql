-- Where the catalog of edits stands.
UPDATE causeway.site
SET edits_head = $2::text::json, settled = $3::text::json, loaded_seq = coalesce(seq, 0), loaded_edits_seq = $4,
    writable = $5, server_start = pg_postmaster_start_time(), place = causeway.place()
WHERE site = $1;
