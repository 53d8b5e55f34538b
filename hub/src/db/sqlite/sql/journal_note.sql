-- A row of the journal that changes nothing.
INSERT INTO causeway_journal (id, tx, table_name, old_part, site_seq, edits_seq, actor, at)
SELECT causeway_uuid(), ?1, ?2, ?3, s.loaded_seq, s.loaded_edits_seq, causeway_actor(), causeway_now()
FROM causeway_site AS s;
