-- How many customers are known since each month, from $1 on and before $2.
SELECT substr(CAST(createdat AS text), 1, 7), count(*)
FROM customer
WHERE createdat >= $1 AND (createdat < $2 OR $2 IS NULL)
GROUP BY substr(CAST(createdat AS text), 1, 7)
