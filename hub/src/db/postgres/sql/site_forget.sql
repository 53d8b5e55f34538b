-- Forgets what was loaded of a site whose schema somebody dropped.
WITH gone AS (
    SELECT site FROM causeway.site
    WHERE site = $1 AND to_regnamespace(quote_ident(replace(site, '-', '_'))) IS NULL
), loaded AS (
    DELETE FROM causeway.loaded WHERE site IN (SELECT site FROM gone)
), partitions AS (
    DELETE FROM causeway.partition WHERE site IN (SELECT site FROM gone)
)
UPDATE causeway.site
SET seq = NULL, at = NULL, epoch = NULL, writer_id = NULL, writer_host = NULL, dataset = NULL,
    loaded_at = NULL
WHERE site IN (SELECT site FROM gone);
