SELECT 1 FROM causeway_loaded WHERE table_name = ?1 AND part = ?2 AND known;
