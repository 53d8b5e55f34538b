-- <site>.db, version 3: the catalog knows which commit set a partition. Of those that are there
-- already the loaded commit is no earlier than that one.
ALTER TABLE causeway_partition ADD COLUMN seq INTEGER NOT NULL DEFAULT 0;
UPDATE causeway_partition SET seq = coalesce((SELECT seq FROM causeway_site), 0);
