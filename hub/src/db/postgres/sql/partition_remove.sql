DELETE FROM causeway.partition
USING unnest($2::text[], $3::text[]) AS gone (table_name, part)
WHERE partition.site = $1
  AND partition.table_name = gone.table_name
  AND partition.part = gone.part;
