-- A partition that neither the site nor the cloud has rows in any more. Where it is not known which rows the table
-- holds, the mark stays, and the next load takes the rows out.
DELETE FROM causeway_loaded
WHERE table_name = ?1 AND part = ?2 AND known AND object IS NULL AND edits IS NULL;
