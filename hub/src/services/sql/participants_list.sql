-- Participants of program $1, of status $2: behind name $3 and customer $4, at most $5.
WITH found AS MATERIALIZED (
    SELECT r.customerid, COALESCE(c.fullname, '') AS fullname
    FROM programparticipant AS r
    LEFT JOIN customer AS c ON c.customerid = r.customerid
    WHERE r.programid = $1 AND (r.status = $2 OR $2 IS NULL)
),
page AS MATERIALIZED (
    SELECT f.customerid, f.fullname
    FROM found AS f
    WHERE f.fullname > $3 OR (f.fullname = $3 AND f.customerid > $4) OR $3 IS NULL
    ORDER BY f.fullname, f.customerid
    LIMIT $5
)
SELECT (SELECT count(*) FROM found),
       r.programid, r.customerid, r.registeredtime, r.status, p.fullname, c.email, c.phonenumber
FROM (SELECT 1 AS one) AS always
LEFT JOIN page AS p ON true
LEFT JOIN programparticipant AS r ON r.programid = $1 AND r.customerid = p.customerid
LEFT JOIN customer AS c ON c.customerid = r.customerid
ORDER BY p.fullname, r.customerid
