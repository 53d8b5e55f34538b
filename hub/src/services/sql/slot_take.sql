UPDATE consultantschedule
SET isavailable = false
WHERE consultantid = $1 AND "date" = $2 AND starttime = $3 AND isavailable = true
RETURNING scheduleid
