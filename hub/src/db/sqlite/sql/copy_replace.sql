-- Done again it changes nothing.
UPDATE copy SET body = ?3 WHERE key = ?1 AND body IN (?2, ?3);
