SELECT id, tx, table_name, old_part, old, new_part, new, object, site_seq, edits_seq, actor, at, held, mark
FROM causeway_journal ORDER BY seq DESC LIMIT ?1;
