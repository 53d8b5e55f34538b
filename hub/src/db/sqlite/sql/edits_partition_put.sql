INSERT OR REPLACE INTO causeway_edits_partition (table_name, part, object, dataset, seq)
VALUES (?1, ?2, ?3, ?4, ?5);
