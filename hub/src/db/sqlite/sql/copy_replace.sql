-- Done again it changes nothing. Where none was seen (x'') there may be none.
INSERT INTO copy (key, body)
SELECT ?1, ?3
WHERE ?2 = x'' OR EXISTS (SELECT 1 FROM copy WHERE key = ?1)
ON CONFLICT (key) DO UPDATE SET body = excluded.body
WHERE copy.body IN (?2, ?3);
