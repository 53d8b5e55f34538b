-- Whether a partition has these edits still, and nobody has taken a side of the row's conflict since.
SELECT count(*) FROM causeway_edits_partition
WHERE table_name = ?1 AND part = ?2 AND object ->> 'md5' = ?3
  AND NOT EXISTS (
    SELECT 1 FROM causeway_journal
    WHERE table_name = ?1 AND mark ->> 'op' = 'take' AND mark -> 'key' = ?4
  );
