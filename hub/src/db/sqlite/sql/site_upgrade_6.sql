-- From version 6 to 7.
ALTER TABLE causeway_site ADD COLUMN wanted TEXT;
