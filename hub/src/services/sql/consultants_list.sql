-- Consultants who are disabled, or not ($1), in whom pattern $2 is found or whose number is $3: behind name $4 and
-- number $5, at most $6.
WITH found AS MATERIALIZED (
    SELECT k.consultantid, k.fullname
    FROM consultant AS k
    WHERE (k.isdisabled = $1 OR $1 IS NULL)
      AND (CAST($2 AS text) IS NULL OR k.consultantid = $3
           OR textregexeq(concat_ws('
', k.fullname, k.email, k.phonenumber, k.specialties), $2))
),
page AS MATERIALIZED (
    SELECT f.consultantid
    FROM found AS f
    WHERE f.fullname > $4 OR (f.fullname = $4 AND f.consultantid > $5) OR $4 IS NULL
    ORDER BY f.fullname, f.consultantid
    LIMIT $6
)
SELECT (SELECT count(*) FROM found),
       k.consultantid, k.fullname, k.email, k.phonenumber, k.imageurl, k.specialties, k.qualifications, k.joindate,
       k.createdat, k.isdisabled
FROM (SELECT 1 AS one) AS always
LEFT JOIN page AS p ON true
LEFT JOIN consultant AS k ON k.consultantid = p.consultantid
ORDER BY k.fullname, k.consultantid
