SELECT record FROM kept WHERE key = ?1
