-- ?2 is a JSON list of parts.
SELECT part, version, body
FROM partial
WHERE what = ?1 AND part IN (SELECT value FROM json_each(?2));
