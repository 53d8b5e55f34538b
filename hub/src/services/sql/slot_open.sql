UPDATE consultantschedule
SET isavailable = true
WHERE scheduleid = $1
  AND NOT EXISTS (
    SELECT 1 FROM appointment AS a
    WHERE a.consultantid = consultantschedule.consultantid AND a."date" = consultantschedule."date"
      AND a."time" = consultantschedule.starttime AND a.status <> 'cancelled')
RETURNING scheduleid
