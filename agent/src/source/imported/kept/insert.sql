INSERT INTO kept (key, record) VALUES (?1, ?2)
