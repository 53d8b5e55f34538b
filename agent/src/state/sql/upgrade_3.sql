-- From version 2: which commit set a partition was not kept. The last one is no earlier than that.
ALTER TABLE partition ADD COLUMN seq INTEGER NOT NULL DEFAULT 0;
UPDATE partition SET seq = (SELECT json_extract(value, '$.seq') FROM fact WHERE name = 'head');
