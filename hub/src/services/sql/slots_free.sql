SELECT s.scheduleid, s.consultantid, s.starttime, s.endtime, k.fullname AS consultantname
FROM consultantschedule AS s
JOIN consultant AS k ON k.consultantid = s.consultantid
WHERE s."date" = $1 AND s.isavailable = true AND k.isdisabled = false
  AND NOT EXISTS (
    SELECT 1 FROM appointment AS a
    WHERE a.consultantid = s.consultantid AND a."date" = s."date" AND a."time" = s.starttime
      AND a.status <> 'cancelled')
ORDER BY k.fullname, s.consultantid, s.starttime
LIMIT $2
