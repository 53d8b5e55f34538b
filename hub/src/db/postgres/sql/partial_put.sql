-- In one order, so that hubs which put the same ones wait for each other and no more.
INSERT INTO causeway.partial (site, what, part, version, body)
SELECT $1, $2, new.part, new.version, new.body
FROM unnest($3::text[], $4::text[], $5::bytea[]) AS new (part, version, body)
ORDER BY new.part
ON CONFLICT (site, what, part) DO UPDATE SET version = excluded.version, body = excluded.body;
