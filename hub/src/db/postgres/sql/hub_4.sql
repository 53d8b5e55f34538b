-- Schema causeway, version 4: the catalog knows which commit set a partition. Of those that are
-- there already the loaded commit is no earlier than that one.
ALTER TABLE causeway.partition ADD COLUMN seq bigint NOT NULL DEFAULT 0;
UPDATE causeway.partition p SET seq = s.seq FROM causeway.site s WHERE s.site = p.site AND s.seq IS NOT NULL;
ALTER TABLE causeway.partition ALTER COLUMN seq DROP DEFAULT;
