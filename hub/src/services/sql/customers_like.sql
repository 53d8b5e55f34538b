-- $1 is a number, $2 a pattern.
SELECT c.customerid, c.fullname, c.email
FROM customer AS c
WHERE c.isdisabled = false
  AND (c.customerid = $1 OR lower(c.fullname) LIKE lower($2) ESCAPE '!'
       OR lower(c.email) LIKE lower($2) ESCAPE '!' OR c.phonenumber LIKE $2 ESCAPE '!')
ORDER BY c.fullname, c.customerid
LIMIT $3
