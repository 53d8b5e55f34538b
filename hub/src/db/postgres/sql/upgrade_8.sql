-- From version 8 to 9.
ALTER TABLE causeway.site ADD COLUMN wanted text;
