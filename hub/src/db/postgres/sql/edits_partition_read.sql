-- All of a site's, or what a load of changes has to know ($2: where).
SELECT table_name, part, object::text, dataset, seq FROM causeway.edits_partition
WHERE site = $1
  AND ($2::text[] IS NULL OR part LIKE 'b=%' OR part = ANY ($2));
