-- Rows that the log of edits holds.
DELETE FROM causeway.journal WHERE site = $1 AND id = ANY ($2::text[]::uuid[]);
