INSERT OR REPLACE INTO upload (table_name, part, md5, bytes, uploaded_ms)
VALUES (?1, ?2, ?3, ?4, ?5)
