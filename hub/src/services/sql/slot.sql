SELECT scheduleid, consultantid, "date", starttime, endtime, isavailable
FROM consultantschedule
WHERE consultantid = $1 AND "date" = $2 AND starttime = $3
ORDER BY scheduleid
LIMIT 1
