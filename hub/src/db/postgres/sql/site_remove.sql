-- All that the hub knows of a site, but for what waits in the journal.
WITH loaded AS (
    DELETE FROM causeway.loaded WHERE site = $1
), partitions AS (
    DELETE FROM causeway.partition WHERE site = $1
), edits AS (
    DELETE FROM causeway.edits_partition WHERE site = $1
), asked AS (
    DELETE FROM causeway.asked WHERE site = $1
), datasets AS (
    DELETE FROM causeway.dataset WHERE site = $1
)
DELETE FROM causeway.site WHERE site = $1;
