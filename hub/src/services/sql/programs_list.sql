-- Programs that are disabled, or not ($1), in which pattern $2 is found or whose number is $3, the latest first: behind
-- date $4 and number $5, at most $6.
WITH found AS MATERIALIZED (
    SELECT g.programid, g."date"
    FROM communityprogram AS g
    WHERE (g.isdisabled = $1 OR $1 IS NULL)
      AND (CAST($2 AS text) IS NULL OR g.programid = $3
           OR textregexeq(concat_ws('
', g.programname, g.organizer, g.description), $2))
),
page AS MATERIALIZED (
    SELECT f.programid
    FROM found AS f
    WHERE f."date" < $4 OR (f."date" = $4 AND f.programid < $5) OR $4 IS NULL
    ORDER BY f."date" DESC, f.programid DESC
    LIMIT $6
)
SELECT (SELECT count(*) FROM found),
       g.programid, g.programname, g."date", g.description, g.content, g.organizer, g.url, g.isdisabled, g.status,
       g.createdat,
       (SELECT count(*) FROM programparticipant AS r WHERE r.programid = g.programid AND r.status <> 'cancelled')
FROM (SELECT 1 AS one) AS always
LEFT JOIN page AS p ON true
LEFT JOIN communityprogram AS g ON g.programid = p.programid
ORDER BY g."date" DESC, g.programid DESC
