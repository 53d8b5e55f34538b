UPDATE consultantschedule
SET isavailable = false
WHERE scheduleid = $1
RETURNING scheduleid
