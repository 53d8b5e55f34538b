-- From version 4 to 5.
ALTER TABLE causeway_journal ADD COLUMN mark TEXT;
