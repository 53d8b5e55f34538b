-- Tables and views that hold rows of their own; not what belongs to a full-text index, for one.
SELECT name, type = 'view'
FROM pragma_table_list
WHERE schema = 'main'
  AND type IN ('table', 'view')
  AND name NOT LIKE 'sqlite\_%' ESCAPE '\'
ORDER BY name
