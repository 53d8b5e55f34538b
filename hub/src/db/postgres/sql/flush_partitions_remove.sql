-- Partitions that neither the site nor the cloud has rows in any more. Where it is not known which rows the tables
-- hold, the marks stay, and the next load takes the rows out.
DELETE FROM causeway.loaded
USING unnest($2::text[], $3::text[]) AS put (table_name, part)
WHERE loaded.site = $1
  AND loaded.table_name = put.table_name
  AND loaded.part = put.part
  AND loaded.known AND loaded.object IS NULL AND loaded.edits IS NULL;
