-- The columns of those tables that are there, in order.
SELECT asked.name, a.attname::text, format_type(a.atttypid, a.atttypmod)
FROM unnest($1::text[]) AS asked (name)
JOIN pg_attribute AS a ON a.attrelid = to_regclass(asked.name)
WHERE a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum;
