-- The lock ends with the connection, or when all of its locks are freed.
SELECT pg_try_advisory_lock(hashtextextended($1, 0));
