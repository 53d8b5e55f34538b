-- The indexes in a schema, and whether each is a primary key's.
SELECT c.relname::text, i.indisprimary
FROM pg_index AS i
JOIN pg_class AS c ON c.oid = i.indexrelid
WHERE c.relnamespace = to_regnamespace($1::text);
