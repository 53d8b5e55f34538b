-- All of a site's, or what a load of changes has to know ($2: where), and whether rows of others are not known.
SELECT table_name, part, known, object, edits, rows, clashes FROM causeway.loaded
WHERE site = $1
  AND ($2::text[] IS NULL OR part LIKE 'b=%' OR part = ANY ($2) OR NOT known);
