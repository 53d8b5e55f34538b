-- The lock ends with the connection.
SELECT pg_try_advisory_lock(hashtextextended($1, 0));
