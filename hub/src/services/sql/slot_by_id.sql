SELECT scheduleid, consultantid, "date", starttime, endtime, isavailable
FROM consultantschedule
WHERE scheduleid = $1
