SELECT count(*)
FROM appointment AS a
WHERE a."date" = $1
  AND (a.status = $2 OR $2 IS NULL)
  AND (a.consultantid = $3 OR $3 IS NULL)
  AND (a.customerid = $4 OR $4 IS NULL)
