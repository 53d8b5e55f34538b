-- From version 1: since when a row is refused was not kept.
ALTER TABLE refused ADD COLUMN since_ms INTEGER NOT NULL DEFAULT 0;
