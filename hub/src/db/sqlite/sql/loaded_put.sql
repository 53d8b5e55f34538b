INSERT OR REPLACE INTO causeway_loaded (table_name, part, md5, rows) VALUES (?1, ?2, ?3, ?4);
