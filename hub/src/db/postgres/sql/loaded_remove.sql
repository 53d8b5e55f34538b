DELETE FROM causeway.loaded
USING unnest($2::text[], $3::text[]) AS gone (table_name, part)
WHERE loaded.site = $1
  AND loaded.table_name = gone.table_name
  AND loaded.part = gone.part;
