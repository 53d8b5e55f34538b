-- Whether a partition has these edits still, and nobody has taken a side of the row's conflict since.
SELECT count(*) FROM causeway.edits_partition AS e
WHERE e.site = $1 AND e.table_name = $2 AND e.part = $3 AND e.object ->> 'md5' = $4
  AND NOT EXISTS (
    SELECT FROM causeway.journal AS j
    WHERE j.site = $1 AND j.table_name = $2 AND j.mark ->> 'op' = 'take' AND (j.mark -> 'key')::text = $5
  );
