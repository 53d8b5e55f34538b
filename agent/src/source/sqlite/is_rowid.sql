-- An INTEGER PRIMARY KEY is the rowid itself exactly when no index had to be made for it
-- (INTEGER PRIMARY KEY DESC and WITHOUT ROWID tables have one).
SELECT EXISTS (
  SELECT 1
  FROM pragma_table_info(?1)
  WHERE pk = 1
    AND name = ?2
    AND upper(type) = 'INTEGER'
)
AND (SELECT count(*) FROM pragma_table_info(?1) WHERE pk > 0) = 1
AND NOT EXISTS (SELECT 1 FROM pragma_index_list(?1) WHERE origin = 'pk')
