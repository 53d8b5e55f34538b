-- $1: the site's schema. NULL: a table that has just been dropped.
SELECT c.relname::text, coalesce(pg_catalog.pg_total_relation_size(c.oid), 0)
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = $1::text AND c.relkind = 'r'
