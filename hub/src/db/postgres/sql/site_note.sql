-- How looking at the site went. The newest commit seen never becomes an older one.
INSERT INTO causeway.site (site, log_head, last_error)
VALUES ($1, $2, $3)
ON CONFLICT (site) DO UPDATE
SET log_head   = greatest(site.log_head, excluded.log_head),
    last_error = excluded.last_error;
