-- Why the site's rows take no changes now; NULL where they do. ?1: whether this process has read the
-- log since it opened the database; ?2: where hubs reach the database; ?3: its id.
SELECT CASE
    WHEN ?3 LIKE 'past-%' THEN
        'the database holds a past state and takes no changes; write to the present database'
    WHEN writable AND ?1 THEN NULL
    WHEN writable THEN
        'this program has not read the log of edits since it opened the database; '
        || 'run `causeway-hub load`, or try again after the next refresh'
    WHEN seq IS NULL THEN
        'nothing of the site is loaded here yet; run `causeway-hub load`, which says what is in the way'
    WHEN edits_head IS NULL THEN
        'the database takes no changes: it does not own the edits of the site; '
        || 'set `[edits] write = true` and run `causeway-hub load`'
    ELSE
        'the database takes no changes: the edits of the site belong to the database '
        || json_extract(edits_head, '$.writer.id')
        || CASE WHEN json_extract(edits_head, '$.writer.address') = ?2
            THEN ', which was at this address before this one was made'
            ELSE ' at ' || json_extract(edits_head, '$.writer.address')
        END
        || '; `causeway-hub init --take-over` makes this one their owner'
    END AS message
FROM (SELECT 1) LEFT JOIN causeway_site ON true
