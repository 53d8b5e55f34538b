-- Slots from date $1 to $2, of consultant $3, with what each is on date $4 at time $5 and the appointment that it
-- has: behind date $6, start $7 and number $8, at most $9.
WITH found AS MATERIALIZED (
    SELECT s.scheduleid, s."date", s.starttime
    FROM consultantschedule AS s
    WHERE s."date" >= $1 AND s."date" <= $2
      AND (s.consultantid = $3 OR $3 IS NULL)
),
page AS MATERIALIZED (
    SELECT f.scheduleid
    FROM found AS f
    WHERE f."date" > $6
       OR (f."date" = $6 AND (f.starttime > $7 OR (f.starttime = $7 AND f.scheduleid > $8)))
       OR $6 IS NULL
    ORDER BY f."date", f.starttime, f.scheduleid
    LIMIT $9
),
-- Rows that clash at the site may have one slot together.
held AS MATERIALIZED (
    SELECT a.consultantid, a."date", a."time", min(a.appointmentid) AS appointmentid
    FROM appointment AS a
    WHERE a."date" >= $1 AND a."date" <= $2 AND a.status <> 'cancelled'
      AND (a.consultantid = $3 OR $3 IS NULL)
    GROUP BY a.consultantid, a."date", a."time"
),
shown AS (
    SELECT s.scheduleid, s.consultantid, s."date", s.starttime, s.endtime, s.isavailable,
           CASE
               WHEN a.appointmentid IS NOT NULL THEN 'held'
               WHEN s."date" < $4 OR (s."date" = $4 AND s.endtime <= $5) THEN 'over'
               WHEN s.isavailable = false OR k.isdisabled = true OR k.consultantid IS NULL THEN 'closed'
               WHEN s."date" = $4 AND s.starttime < $5 THEN 'begun'
               ELSE 'free'
           END AS state,
           k.fullname AS consultantname, a.appointmentid, a.status, a.customerid, c.fullname AS customername
    FROM page AS p
    JOIN consultantschedule AS s ON s.scheduleid = p.scheduleid
    LEFT JOIN consultant AS k ON k.consultantid = s.consultantid
    LEFT JOIN held AS h ON h.consultantid = s.consultantid AND h."date" = s."date" AND h."time" = s.starttime
    LEFT JOIN appointment AS a ON a.appointmentid = h.appointmentid
    LEFT JOIN customer AS c ON c.customerid = a.customerid
)
SELECT (SELECT count(*) FROM found),
       s.scheduleid, s.consultantid, s."date", s.starttime, s.endtime, s.isavailable, s.state = 'free', s.state,
       s.consultantname, s.appointmentid, s.status, s.customerid, s.customername
FROM (SELECT 1 AS one) AS always
LEFT JOIN shown AS s ON true
ORDER BY s."date", s.starttime, s.scheduleid
