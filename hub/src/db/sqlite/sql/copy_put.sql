INSERT INTO copy (key, body) VALUES (?1, ?2)
ON CONFLICT (key) DO UPDATE SET body = excluded.body
WHERE body <> excluded.body;
