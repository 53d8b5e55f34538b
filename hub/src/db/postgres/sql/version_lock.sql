-- One upgrade at a time.
SELECT pg_advisory_xact_lock(hashtextextended('causeway upgrade', 0));
