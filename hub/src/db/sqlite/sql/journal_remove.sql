-- Rows that the log of edits holds, by a JSON list of ids.
DELETE FROM causeway_journal WHERE id IN (SELECT value FROM json_each(?1));
