-- From version 6 to 7.
ALTER TABLE causeway.journal ADD COLUMN mark json;
