UPDATE kept SET replaced = ?2 WHERE key = ?1
