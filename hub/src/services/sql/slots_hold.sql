-- Changes nothing: from here on no load takes slots out.
UPDATE consultantschedule
SET isavailable = isavailable
WHERE scheduleid IS NULL
RETURNING scheduleid
