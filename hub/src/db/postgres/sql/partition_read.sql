-- All of a site's, or what a load of changes has to know ($2: where).
SELECT table_name, part, md5, rows, bytes, summary::text, dataset, seq
FROM causeway.partition
WHERE site = $1
  AND ($2::text[] IS NULL OR part LIKE 'b=%' OR part = ANY ($2));
