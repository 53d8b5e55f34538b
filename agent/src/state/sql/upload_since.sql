SELECT table_name, part, md5, bytes FROM upload WHERE uploaded_ms >= ?1
