SELECT part, version, body
FROM causeway.partial
WHERE site = $1 AND what = $2 AND part = ANY ($3);
