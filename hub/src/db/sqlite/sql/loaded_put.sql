INSERT OR REPLACE INTO causeway_loaded (table_name, part, known, object, edits, rows, clashes)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7);
