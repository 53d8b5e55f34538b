UPDATE communityprogram
SET programname = CASE WHEN $2 = 't' THEN $3 ELSE programname END,
    "date" = CASE WHEN $4 = 't' THEN $5 ELSE "date" END,
    status = CASE WHEN $6 = 't' THEN $7 ELSE status END,
    organizer = CASE WHEN $8 = 't' THEN $9 ELSE organizer END,
    url = CASE WHEN $10 = 't' THEN $11 ELSE url END,
    description = CASE WHEN $12 = 't' THEN $13 ELSE description END,
    content = CASE WHEN $14 = 't' THEN $15 ELSE content END,
    isdisabled = CASE WHEN $16 = 't' THEN $17 ELSE isdisabled END
WHERE programid = $1
RETURNING programid
