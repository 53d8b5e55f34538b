-- Programs that are disabled, or not ($1), which have one of the texts $2 to $4 or whose number is $5, the latest
-- first: behind date $6 and number $7, at most $8.
WITH found AS MATERIALIZED (
    SELECT g.programid, g."date"
    FROM communityprogram AS g
    WHERE (g.isdisabled = $1 OR $1 IS NULL)
      AND (CAST($2 AS text) IS NULL OR g.programid = $5
           OR strpos(g.causeway_search, $2) > 0
           OR (CAST($3 AS text) IS NOT NULL AND strpos(g.causeway_search, $3) > 0)
           OR (CAST($4 AS text) IS NOT NULL AND strpos(g.causeway_search, $4) > 0))
),
page AS MATERIALIZED (
    SELECT f.programid
    FROM found AS f
    WHERE f."date" < $6 OR (f."date" = $6 AND f.programid < $7) OR $6 IS NULL
    ORDER BY f."date" DESC, f.programid DESC
    LIMIT $8
)
SELECT (SELECT count(*) FROM found),
       g.programid, g.programname, g."date", g.description, g.content, g.organizer, g.url, g.isdisabled, g.status,
       g.createdat,
       (SELECT count(*) FROM programparticipant AS r WHERE r.programid = g.programid AND r.status <> 'cancelled')
FROM (SELECT 1 AS one) AS always
LEFT JOIN page AS p ON true
LEFT JOIN communityprogram AS g ON g.programid = p.programid
ORDER BY g."date" DESC, g.programid DESC
