SELECT site, revision, seq,
       to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
       epoch, writer_id, writer_host, dataset,
       to_char(loaded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
       log_head, last_error
FROM causeway.site
WHERE $1::text IS NULL OR site = $1
ORDER BY site COLLATE "C";
