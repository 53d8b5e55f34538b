-- Of consultant $1 from date $2 to $3.
SELECT "date", starttime, endtime
FROM consultantschedule
WHERE consultantid = $1 AND "date" >= $2 AND "date" <= $3
