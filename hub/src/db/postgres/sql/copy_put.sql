INSERT INTO causeway.copy (key, body) VALUES ($1, $2)
ON CONFLICT (key) DO UPDATE SET body = excluded.body
WHERE copy.body <> excluded.body;
