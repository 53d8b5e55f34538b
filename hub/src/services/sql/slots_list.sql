-- Slots from date $1 to $2, of consultant $3, with the appointment that each has: behind date $4, start $5 and
-- number $6, at most $7.
WITH found AS MATERIALIZED (
    SELECT s.scheduleid, s."date", s.starttime
    FROM consultantschedule AS s
    WHERE s."date" >= $1 AND s."date" <= $2
      AND (s.consultantid = $3 OR $3 IS NULL)
),
page AS MATERIALIZED (
    SELECT f.scheduleid
    FROM found AS f
    WHERE f."date" > $4
       OR (f."date" = $4 AND (f.starttime > $5 OR (f.starttime = $5 AND f.scheduleid > $6)))
       OR $4 IS NULL
    ORDER BY f."date", f.starttime, f.scheduleid
    LIMIT $7
),
-- Rows that clash at the site may have one slot together.
held AS MATERIALIZED (
    SELECT a.consultantid, a."date", a."time", min(a.appointmentid) AS appointmentid
    FROM appointment AS a
    WHERE a."date" >= $1 AND a."date" <= $2 AND a.status <> 'cancelled'
      AND (a.consultantid = $3 OR $3 IS NULL)
    GROUP BY a.consultantid, a."date", a."time"
)
SELECT (SELECT count(*) FROM found),
       s.scheduleid, s.consultantid, s."date", s.starttime, s.endtime, s.isavailable,
       COALESCE(s.isavailable = true AND k.isdisabled = false AND a.appointmentid IS NULL, false),
       k.fullname, a.appointmentid, a.status, a.customerid, c.fullname
FROM (SELECT 1 AS one) AS always
LEFT JOIN page AS p ON true
LEFT JOIN consultantschedule AS s ON s.scheduleid = p.scheduleid
LEFT JOIN consultant AS k ON k.consultantid = s.consultantid
LEFT JOIN held AS h ON h.consultantid = s.consultantid AND h."date" = s."date" AND h."time" = s.starttime
LEFT JOIN appointment AS a ON a.appointmentid = h.appointmentid
LEFT JOIN customer AS c ON c.customerid = a.customerid
ORDER BY s."date", s.starttime, s.scheduleid
