-- Customers who have one of the texts $1 to $3, or whose number is $4: at most $5.
SELECT c.customerid, c.fullname, c.email
FROM customer AS c
WHERE c.isdisabled = false
  AND (CAST($1 AS text) IS NULL OR c.customerid = $4
       OR strpos(c.causeway_search, $1) > 0
       OR (CAST($2 AS text) IS NOT NULL AND strpos(c.causeway_search, $2) > 0)
       OR (CAST($3 AS text) IS NOT NULL AND strpos(c.causeway_search, $3) > 0))
ORDER BY c.fullname, c.customerid
LIMIT $5
