INSERT INTO refused (table_name, number, source, place, column_name, reason, fields, since_ms)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
