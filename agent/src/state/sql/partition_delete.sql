DELETE FROM partition WHERE table_name = ?1 AND part = ?2
