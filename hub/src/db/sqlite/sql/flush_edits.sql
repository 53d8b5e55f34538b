-- Where the catalog of edits stands after a flush, and the rows, where nothing else lies between.
UPDATE causeway_site
SET edits_head = ?2, loaded_edits_seq = coalesce(?3, loaded_edits_seq)
WHERE site = ?1;
