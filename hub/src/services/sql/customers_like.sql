-- Customers in whom pattern $1 is found, or whose number is $2.
SELECT c.customerid, c.fullname, c.email
FROM customer AS c
WHERE c.isdisabled = false
  AND (CAST($1 AS text) IS NULL OR c.customerid = $2
       OR textregexeq(concat_ws('
', c.fullname, c.email, c.phonenumber), $1))
ORDER BY c.fullname, c.customerid
LIMIT $3
