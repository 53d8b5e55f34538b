UPDATE consultant
SET fullname = CASE WHEN $2 = 't' THEN $3 ELSE fullname END,
    email = CASE WHEN $4 = 't' THEN $5 ELSE email END,
    phonenumber = CASE WHEN $6 = 't' THEN $7 ELSE phonenumber END,
    imageurl = CASE WHEN $8 = 't' THEN $9 ELSE imageurl END,
    specialties = CASE WHEN $10 = 't' THEN $11 ELSE specialties END,
    qualifications = CASE WHEN $12 = 't' THEN $13 ELSE qualifications END,
    joindate = CASE WHEN $14 = 't' THEN $15 ELSE joindate END,
    isdisabled = CASE WHEN $16 = 't' THEN $17 ELSE isdisabled END
WHERE consultantid = $1
RETURNING consultantid
