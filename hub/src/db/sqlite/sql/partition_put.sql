INSERT OR REPLACE INTO causeway_partition (table_name, part, md5, rows, bytes, summary, dataset, seq)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8);
