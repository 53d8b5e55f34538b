INSERT INTO held (table_name, held) VALUES (?1, ?2)
