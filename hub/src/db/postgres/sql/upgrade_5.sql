-- From version 5 to 6.
ALTER TABLE causeway.site ADD COLUMN place text;
