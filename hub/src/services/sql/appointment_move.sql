-- To consultant $2, date $3 and time $4, if it still is with consultant $6 on date $7 at time $8.
UPDATE appointment
SET consultantid = $2, "date" = $3, "time" = $4, updatedat = $5
WHERE appointmentid = $1 AND status IN ('pending', 'confirmed')
  AND (consultantid = $6 OR (consultantid IS NULL AND $6 IS NULL))
  AND "date" = $7 AND "time" = $8
RETURNING appointmentid
