-- What readers ($2) and writers ($3) lack on the tables of the site whose schema is $1, or of all
-- sites. What somebody else granted stays.
WITH role AS (
    SELECT unnest($2::text[] || $3::text[]) AS name, 'SELECT' AS privilege
    UNION
    SELECT name, privilege
    FROM unnest($3::text[]) AS name, unnest(ARRAY['INSERT', 'UPDATE', 'DELETE']) AS privilege
), schema AS (
    SELECT n.oid, n.nspname
    FROM pg_namespace AS n
    WHERE n.nspname = $1
       OR ($1::text IS NULL AND n.nspname IN (SELECT replace(site, '-', '_') FROM causeway.site))
), site_table AS (
    SELECT c.oid, s.nspname, c.relname
    FROM schema AS s
    JOIN pg_class AS c ON c.relnamespace = s.oid AND c.relkind = 'r'
    JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'causeway_part' AND NOT a.attisdropped
)
SELECT DISTINCT format('GRANT USAGE ON SCHEMA %I TO %I', s.nspname, r.name)
FROM schema AS s, role AS r
WHERE NOT has_schema_privilege(r.name, s.oid, 'USAGE')
UNION ALL
SELECT format('GRANT %s ON %I.%I TO %I', r.privilege, t.nspname, t.relname, r.name)
FROM site_table AS t, role AS r
WHERE NOT has_table_privilege(r.name, t.oid, r.privilege);
