SELECT id::text, tx, table_name, old_part, old::text, new_part, new::text, object, site_seq, edits_seq,
       actor, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), held, mark::text
FROM causeway.journal
WHERE site = $1
ORDER BY seq DESC
LIMIT $2::bigint;
