-- Forgets what was loaded of a site whose schema somebody dropped. What waits in the journal stays: it
-- is not in the rows that are loaded next.
WITH gone AS (
    SELECT site FROM causeway.site
    WHERE site = $1 AND to_regnamespace(quote_ident(replace(site, '-', '_'))) IS NULL
), loaded AS (
    DELETE FROM causeway.loaded WHERE site IN (SELECT site FROM gone)
), partitions AS (
    DELETE FROM causeway.partition WHERE site IN (SELECT site FROM gone)
), edits AS (
    DELETE FROM causeway.edits_partition WHERE site IN (SELECT site FROM gone)
), held AS (
    UPDATE causeway.journal SET held = true WHERE site IN (SELECT site FROM gone)
)
UPDATE causeway.site
SET seq = NULL, at = NULL, epoch = NULL, writer_id = NULL, writer_host = NULL, dataset = NULL,
    edits_head = NULL, settled = NULL, loaded_seq = 0, loaded_edits_seq = 0, writable = false,
    triggers = NULL, loaded_at = NULL, wanted = NULL
WHERE site IN (SELECT site FROM gone);
