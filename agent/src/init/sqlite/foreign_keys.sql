-- A foreign key's columns; "to" is NULL where it means the other table's primary key.
SELECT id, "table", "from", "to"
FROM pragma_foreign_key_list(?1)
ORDER BY id DESC, seq
