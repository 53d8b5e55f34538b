-- Who may still commit changes of a site's rows: transactions that have made some, and those that see the
-- database as it was before the copy under 'sleep' was written. A hub's own read nothing that they would change.
SELECT a.pid::bigint, a.usename::text, a.application_name,
       to_char(a.xact_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
FROM pg_stat_activity AS a
WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.usename IS NOT NULL
  AND (EXISTS (
           SELECT FROM pg_locks AS l
           JOIN pg_class AS c ON c.oid = l.relation
           JOIN pg_namespace AS n ON n.oid = c.relnamespace
           WHERE l.pid = a.pid AND l.database = a.datid AND l.mode = 'RowExclusiveLock'
             AND n.nspname IN (SELECT replace(s.site, '-', '_') FROM causeway.site AS s))
       OR (age(a.backend_xmin) >= (SELECT age(k.xmin) FROM causeway.copy AS k WHERE k.key = 'sleep')
           AND NOT (a.application_name = 'causeway-hub' AND a.usename = current_user)))
UNION ALL
SELECT NULL, p.owner::text, p.gid, to_char(p.prepared AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
FROM pg_prepared_xacts AS p
WHERE p.database = current_database()
ORDER BY 4, 1;
