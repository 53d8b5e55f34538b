-- Not pragma_collation_list: it also lists those that a schema only names.
SELECT info.coll
FROM pragma_index_list(?1) AS list, pragma_index_xinfo(list.name) AS info
WHERE list.origin = 'pk'
  AND upper(info.coll) NOT IN ('BINARY', 'NOCASE', 'RTRIM')
LIMIT 1
