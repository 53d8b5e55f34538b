-- Reads every page of the file once: the window is small.
SELECT s.tbl_name, sum(d.pgsize)
FROM dbstat AS d JOIN sqlite_schema AS s ON s.name = d.name
WHERE d.aggregate = TRUE
GROUP BY s.tbl_name
