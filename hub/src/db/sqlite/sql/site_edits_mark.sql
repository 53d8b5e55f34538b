-- Where the catalog of edits stands.
UPDATE causeway_site
SET edits_head = ?2, settled = ?3, loaded_seq = coalesce(seq, 0), loaded_edits_seq = ?4, writable = ?5
WHERE site = ?1;
