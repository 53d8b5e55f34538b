-- Done again it changes nothing. Where none was seen ('') there may be none.
INSERT INTO causeway.copy (key, body)
SELECT CAST($1 AS text), CAST($3 AS bytea)
WHERE CAST($2 AS bytea) = '' OR EXISTS (SELECT FROM causeway.copy WHERE key = $1)
ON CONFLICT (key) DO UPDATE SET body = excluded.body
WHERE copy.body IN ($2, $3);
