-- Of consultant $1 at date $2 and time $3, other than $4.
WHERE a.consultantid = $1 AND a."date" = $2 AND a."time" = $3 AND a.status <> 'cancelled'
  AND (a.appointmentid <> $4 OR $4 IS NULL)
ORDER BY a.appointmentid
LIMIT 1
