-- One load of a site at a time; the lock ends with the connection.
SELECT pg_try_advisory_lock(hashtextextended('causeway load ' || $1, 0));
