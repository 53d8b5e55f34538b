DELETE FROM refused WHERE table_name = ?1
