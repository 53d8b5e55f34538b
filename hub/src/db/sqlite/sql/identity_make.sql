-- An identity, where there is none yet.
INSERT INTO database (id, address) SELECT ?1, ?2 WHERE NOT EXISTS (SELECT 1 FROM database);
