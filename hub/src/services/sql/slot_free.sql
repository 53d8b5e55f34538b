UPDATE consultantschedule
SET isavailable = true
WHERE consultantid = $1 AND "date" = $2 AND starttime = $3
  AND NOT EXISTS (
    SELECT 1 FROM appointment AS a
    WHERE a.consultantid = $1 AND a."date" = $2 AND a."time" = $3 AND a.status <> 'cancelled')
RETURNING scheduleid
