SELECT status, count(*)
FROM programparticipant
WHERE programid = $1
GROUP BY status
