-- A database that is made has an identity of its own.
INSERT INTO causeway.database (id, address)
SELECT $1, $2
WHERE NOT EXISTS (SELECT FROM causeway.database);
