-- After time $5 and number $6, which go together.
WHERE a."date" = $1
  AND (a.status = $2 OR $2 IS NULL)
  AND (a.consultantid = $3 OR $3 IS NULL)
  AND (a.customerid = $4 OR $4 IS NULL)
  AND (a."time" > $5 OR (a."time" = $5 AND a.appointmentid > $6) OR $5 IS NULL)
ORDER BY a."time", a.appointmentid
LIMIT $7
