DELETE FROM causeway.lookup
USING unnest($2::text[], $3::text[]) AS gone (lookup, part)
WHERE lookup.site = $1
  AND lookup.lookup = gone.lookup
  AND lookup.part = gone.part;
