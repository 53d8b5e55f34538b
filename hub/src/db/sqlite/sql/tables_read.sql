-- The tables of a file but one.
SELECT name FROM main.sqlite_schema
WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\' AND name IS NOT ?1;
