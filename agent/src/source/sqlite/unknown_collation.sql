SELECT info.coll
FROM pragma_index_list(?1) AS list, pragma_index_xinfo(list.name) AS info
WHERE list.origin = 'pk'
  AND info.coll COLLATE NOCASE NOT IN (SELECT name FROM pragma_collation_list)
LIMIT 1
