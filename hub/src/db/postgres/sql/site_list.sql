-- A site whose schema somebody dropped stands at no commit: it is loaded anew.
WITH here AS MATERIALIZED (  -- asked for once, and not for each site
    SELECT causeway.place() AS place
)
SELECT known.site, known.revision, loaded.seq,
       to_char(loaded.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
       loaded.epoch, loaded.writer_id, loaded.writer_host, loaded.dataset,
       loaded.edits_head::text, loaded.settled::text,
       coalesce(loaded.loaded_seq, 0), coalesce(loaded.loaded_edits_seq, 0),
       coalesce(loaded.writable, false),
       coalesce(known.server_start = pg_postmaster_start_time() AND known.place = here.place, false),
       coalesce(known.place <> here.place, false),
       (SELECT count(*) FROM causeway.journal WHERE journal.site = known.site),
       to_char(loaded.loaded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
       known.log_head, known.last_error, loaded.wanted
FROM causeway.site AS known
CROSS JOIN here
LEFT JOIN causeway.site AS loaded
    ON loaded.site = known.site
   AND to_regnamespace(quote_ident(replace(known.site, '-', '_'))) IS NOT NULL
WHERE $1::text IS NULL OR known.site = $1
ORDER BY known.site COLLATE "C";
