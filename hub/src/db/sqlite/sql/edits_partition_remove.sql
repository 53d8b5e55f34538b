DELETE FROM causeway_edits_partition WHERE table_name = ?1 AND part = ?2;
