-- Customers who are disabled, or not ($1), in whom pattern $2 is found or whose number is $3: behind name $4 and
-- number $5, at most $6.
WITH found AS MATERIALIZED (
    SELECT c.customerid, c.fullname
    FROM customer AS c
    WHERE (c.isdisabled = $1 OR $1 IS NULL)
      AND (CAST($2 AS text) IS NULL OR c.customerid = $3
           OR textregexeq(concat_ws('
', c.fullname, c.email, c.phonenumber), $2))
),
page AS MATERIALIZED (
    SELECT f.customerid
    FROM found AS f
    WHERE f.fullname > $4 OR (f.fullname = $4 AND f.customerid > $5) OR $4 IS NULL
    ORDER BY f.fullname, f.customerid
    LIMIT $6
)
SELECT (SELECT count(*) FROM found),
       c.customerid, c.fullname, c.email, c.phonenumber, c.dateofbirth, c.createdat, c.isdisabled, c.notes
FROM (SELECT 1 AS one) AS always
LEFT JOIN page AS p ON true
LEFT JOIN customer AS c ON c.customerid = p.customerid
ORDER BY c.fullname, c.customerid
