SELECT consultantid, fullname, email, phonenumber, imageurl, specialties, qualifications, joindate, createdat, isdisabled
FROM consultant
WHERE consultantid = $1
