-- What a transaction has changed in a table is of its own kind.
UPDATE causeway_journal SET mark = ?3 WHERE tx = ?1 AND table_name = ?2;
