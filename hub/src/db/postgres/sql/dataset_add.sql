INSERT INTO causeway.dataset (site, md5, json)
VALUES ($1, $2, $3)
ON CONFLICT (site, md5) DO NOTHING;
