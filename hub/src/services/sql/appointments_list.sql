-- From date $1 to $2, of status $3, consultant $4 and customer $5, which have one of the texts $6 to $8 or are of
-- customer $9: behind date $10, time $11 and number $12, at most $13.
WITH asked AS (
    SELECT a.appointmentid, a."date", a."time", a.customerid,
           concat_ws('
', c.causeway_search, causeway_folded(k.fullname), causeway_folded(a.description)) AS texts
    FROM appointment AS a
    LEFT JOIN customer AS c ON c.customerid = a.customerid
    LEFT JOIN consultant AS k ON k.consultantid = a.consultantid
    WHERE a."date" >= $1 AND a."date" <= $2
      AND (a.status = $3 OR $3 IS NULL)
      AND (a.consultantid = $4 OR $4 IS NULL)
      AND (a.customerid = $5 OR $5 IS NULL)
),
found AS MATERIALIZED (
    SELECT a.appointmentid, a."date", a."time"
    FROM asked AS a
    WHERE CAST($6 AS text) IS NULL OR a.customerid = $9
       OR strpos(a.texts, $6) > 0
       OR (CAST($7 AS text) IS NOT NULL AND strpos(a.texts, $7) > 0)
       OR (CAST($8 AS text) IS NOT NULL AND strpos(a.texts, $8) > 0)
),
page AS MATERIALIZED (
    SELECT f.appointmentid
    FROM found AS f
    WHERE f."date" > $10
       OR (f."date" = $10 AND (f."time" > $11 OR (f."time" = $11 AND f.appointmentid > $12)))
       OR $10 IS NULL
    ORDER BY f."date", f."time", f.appointmentid
    LIMIT $13
)
SELECT (SELECT count(*) FROM found),
       a.appointmentid, a.consultantid, a.customerid, a."date", a."time", a.duration, a.meetingurl,
       a.status, a.description, a.createdat, a.updatedat,
       c.fullname, k.fullname
FROM (SELECT 1 AS one) AS always
LEFT JOIN page AS p ON true
LEFT JOIN appointment AS a ON a.appointmentid = p.appointmentid
LEFT JOIN customer AS c ON c.customerid = a.customerid
LEFT JOIN consultant AS k ON k.consultantid = a.consultantid
ORDER BY a."date", a."time", a.appointmentid
