-- The query that reads a table; SQLite itself quotes the name.
SELECT format('SELECT * FROM "%w"', ?1)
