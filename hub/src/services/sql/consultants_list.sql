-- Consultants who are disabled, or not ($1), who have one of the texts $2 to $4 or whose number is $5: behind name $6
-- and number $7, at most $8.
WITH found AS MATERIALIZED (
    SELECT k.consultantid, k.fullname
    FROM consultant AS k
    WHERE (k.isdisabled = $1 OR $1 IS NULL)
      AND (CAST($2 AS text) IS NULL OR k.consultantid = $5
           OR strpos(k.causeway_search, $2) > 0
           OR (CAST($3 AS text) IS NOT NULL AND strpos(k.causeway_search, $3) > 0)
           OR (CAST($4 AS text) IS NOT NULL AND strpos(k.causeway_search, $4) > 0))
),
page AS MATERIALIZED (
    SELECT f.consultantid
    FROM found AS f
    WHERE f.fullname > $6 OR (f.fullname = $6 AND f.consultantid > $7) OR $6 IS NULL
    ORDER BY f.fullname, f.consultantid
    LIMIT $8
)
SELECT (SELECT count(*) FROM found),
       k.consultantid, k.fullname, k.email, k.phonenumber, k.imageurl, k.specialties, k.qualifications, k.joindate,
       k.createdat, k.isdisabled
FROM (SELECT 1 AS one) AS always
LEFT JOIN page AS p ON true
LEFT JOIN consultant AS k ON k.consultantid = p.consultantid
ORDER BY k.fullname, k.consultantid
