SELECT date::text, to_char(hour AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
FROM causeway.asked
WHERE site = $1;
