-- The columns that SELECT * gives, generated ones included, with their place in the primary key.
SELECT name, type, "notnull", pk
FROM pragma_table_xinfo(?1)
WHERE hidden <> 1
ORDER BY cid
