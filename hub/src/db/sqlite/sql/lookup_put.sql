INSERT OR REPLACE INTO causeway_lookup (lookup, part, md5, rows, bytes)
VALUES (?1, ?2, ?3, ?4, ?5);
