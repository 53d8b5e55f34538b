INSERT INTO refused (at, "column", reason)
SELECT ?1, ?2, ?3 WHERE EXISTS (SELECT 1 FROM kept WHERE replaced = ?1)
