-- Those of consultant $1 from date $2 to $3 that are not cancelled.
SELECT "date", "time"
FROM appointment
WHERE consultantid = $1 AND "date" >= $2 AND "date" <= $3 AND status <> 'cancelled'
