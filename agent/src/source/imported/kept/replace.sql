UPDATE kept SET replaced = 1 WHERE key = ?1
