-- Customers who are disabled, or not ($1), who have one of the texts $2 to $4 or whose number is $5: behind name $6 and
-- number $7, at most $8.
WITH found AS MATERIALIZED (
    SELECT c.customerid, c.fullname
    FROM customer AS c
    WHERE (c.isdisabled = $1 OR $1 IS NULL)
      AND (CAST($2 AS text) IS NULL OR c.customerid = $5
           OR strpos(c.causeway_search, $2) > 0
           OR (CAST($3 AS text) IS NOT NULL AND strpos(c.causeway_search, $3) > 0)
           OR (CAST($4 AS text) IS NOT NULL AND strpos(c.causeway_search, $4) > 0))
),
page AS MATERIALIZED (
    SELECT f.customerid
    FROM found AS f
    WHERE f.fullname > $6 OR (f.fullname = $6 AND f.customerid > $7) OR $6 IS NULL
    ORDER BY f.fullname, f.customerid
    LIMIT $8
)
SELECT (SELECT count(*) FROM found),
       c.customerid, c.fullname, c.email, c.phonenumber, c.dateofbirth, c.createdat, c.isdisabled, c.notes
FROM (SELECT 1 AS one) AS always
LEFT JOIN page AS p ON true
LEFT JOIN customer AS c ON c.customerid = p.customerid
ORDER BY c.fullname, c.customerid
