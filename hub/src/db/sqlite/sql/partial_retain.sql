-- ?1 is a JSON list of parts.
DELETE FROM partial WHERE part NOT IN (SELECT value FROM json_each(?1));
