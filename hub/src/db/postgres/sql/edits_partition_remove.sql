DELETE FROM causeway.edits_partition
USING unnest($2::text[], $3::text[]) AS gone (table_name, part)
WHERE edits_partition.site = $1
  AND edits_partition.table_name = gone.table_name
  AND edits_partition.part = gone.part;
