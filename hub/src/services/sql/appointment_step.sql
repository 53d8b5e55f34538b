-- Appointment $1 gets status $2, consultant $3 and time of change $4, if it has status $5, consultant $6, date $7
-- and time $8.
UPDATE appointment
SET status = $2, consultantid = $3, updatedat = $4
WHERE appointmentid = $1 AND status = $5 AND consultantid IS NOT DISTINCT FROM $6
  AND "date" = $7 AND "time" = $8
RETURNING appointmentid
