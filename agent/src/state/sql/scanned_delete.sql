DELETE FROM scanned WHERE table_name = ?1
