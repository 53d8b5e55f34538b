-- Tables that some module makes up.
SELECT name
FROM pragma_table_list
WHERE schema = 'main'
  AND type = 'virtual'
ORDER BY name
