-- Why the site's rows take no changes now; NULL where they do. ?1: whether this process has read the
-- log since it opened the database.
SELECT CASE
    WHEN writable AND ?1 THEN NULL
    WHEN writable THEN
        'this program has not read the log of edits since it opened the database; '
        || 'run `causeway-hub load`, or try again after the next refresh'
    WHEN edits_head IS NULL THEN
        'the database takes no changes: it does not own the edits of the site; '
        || 'set `[edits] write = true` and run `causeway-hub load`'
    ELSE
        'the database takes no changes: the edits of the site belong to the database '
        || json_extract(edits_head, '$.writer.id') || ' at '
        || json_extract(edits_head, '$.writer.address')
        || '; `causeway-hub init --take-over` makes this one their owner'
    END AS message
FROM (SELECT 1) LEFT JOIN causeway_site ON true
