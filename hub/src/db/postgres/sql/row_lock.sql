-- One after the other take the row of a key, whether it is there or not.
SELECT pg_advisory_xact_lock(hashtextextended('row ' || $1 || ' ' || $2 || ' ' || $3, 0));
