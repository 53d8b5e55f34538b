-- A partition that neither the site nor the cloud has rows in any more. Where rows of others may be left in the
-- table, the next load takes them out.
DELETE FROM causeway_loaded
WHERE table_name = ?1 AND part = ?2 AND known AND object IS NULL AND edits IS NULL;
