-- Participants by status, of each program from date $1 to $2.
SELECT g.programid, g.programname, g."date", g.status, r.status, count(r.customerid)
FROM communityprogram AS g
LEFT JOIN programparticipant AS r ON r.programid = g.programid
WHERE g."date" >= $1 AND g."date" <= $2
GROUP BY g.programid, g.programname, g."date", g.status, r.status
ORDER BY g."date", g.programid, r.status
