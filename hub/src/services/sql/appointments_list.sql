-- From date $1 to $2, of status $3, consultant $4 and customer $5, in which pattern $6 is found or which are of
-- customer $7: behind date $8, time $9 and number $10, at most $11.
WITH found AS MATERIALIZED (
    SELECT a.appointmentid, a."date", a."time"
    FROM appointment AS a
    LEFT JOIN customer AS c ON c.customerid = a.customerid
    LEFT JOIN consultant AS k ON k.consultantid = a.consultantid
    WHERE a."date" >= $1 AND a."date" <= $2
      AND (a.status = $3 OR $3 IS NULL)
      AND (a.consultantid = $4 OR $4 IS NULL)
      AND (a.customerid = $5 OR $5 IS NULL)
      AND (CAST($6 AS text) IS NULL OR a.customerid = $7
           OR textregexeq(concat_ws('
', c.fullname, c.email, c.phonenumber, k.fullname, a.description), $6))
),
page AS MATERIALIZED (
    SELECT f.appointmentid
    FROM found AS f
    WHERE f."date" > $8
       OR (f."date" = $8 AND (f."time" > $9 OR (f."time" = $9 AND f.appointmentid > $10)))
       OR $8 IS NULL
    ORDER BY f."date", f."time", f.appointmentid
    LIMIT $11
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
