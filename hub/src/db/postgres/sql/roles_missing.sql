-- The roles that are not there.
SELECT DISTINCT name FROM unnest($1::text[]) AS name
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name)
ORDER BY name;
