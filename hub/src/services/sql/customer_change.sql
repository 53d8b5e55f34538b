UPDATE customer
SET fullname = CASE WHEN $2 = 't' THEN $3 ELSE fullname END,
    email = CASE WHEN $4 = 't' THEN $5 ELSE email END,
    phonenumber = CASE WHEN $6 = 't' THEN $7 ELSE phonenumber END,
    dateofbirth = CASE WHEN $8 = 't' THEN $9 ELSE dateofbirth END,
    notes = CASE WHEN $10 = 't' THEN $11 ELSE notes END,
    isdisabled = CASE WHEN $12 = 't' THEN $13 ELSE isdisabled END
WHERE customerid = $1
RETURNING customerid
