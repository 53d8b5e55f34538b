INSERT INTO partial (what, part, version, body) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (what, part) DO UPDATE SET version = excluded.version, body = excluded.body;
