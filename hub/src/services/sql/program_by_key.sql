SELECT g.programid, g.programname, g."date", g.description, g.content, g.organizer, g.url, g.isdisabled, g.status,
       g.createdat,
       (SELECT count(*) FROM programparticipant AS r WHERE r.programid = g.programid AND r.status <> 'cancelled')
FROM communityprogram AS g
WHERE g.programid = $1
