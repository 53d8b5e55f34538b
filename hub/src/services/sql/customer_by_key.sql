SELECT customerid, fullname, email, phonenumber, dateofbirth, createdat, isdisabled, notes
FROM customer
WHERE customerid = $1
