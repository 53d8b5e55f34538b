-- The columns of each unique index that is not the primary key's; NULL for an expression.
SELECT list.name, list.partial, info.name
FROM pragma_index_list(?1) AS list, pragma_index_info(list.name) AS info
WHERE list."unique"
  AND list.origin <> 'pk'
ORDER BY list.seq DESC, info.seqno
