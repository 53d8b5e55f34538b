-- The first transactions of the journal, until they have $2 rows. One that changed a row after another
-- did began its rows there later, and so ends its rows later.
WITH ended AS (
    SELECT tx, max(seq) AS last, count(*) AS rows
    FROM causeway.journal
    WHERE site = $1
    GROUP BY tx
), counted AS (
    SELECT tx, last, sum(rows) OVER (ORDER BY last) - rows AS before
    FROM ended
)
SELECT id::text, tx, table_name, old_part, old::text, new_part, new::text, object, site_seq, edits_seq,
       actor, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), held, mark::text
FROM causeway.journal
JOIN counted USING (tx)
WHERE site = $1 AND before < $2::bigint
ORDER BY last, seq;
