-- What readers ($2) and writers ($3) lack on the tables of the site whose schema is $1, or of all
-- sites: the statements that grant it, and note that the hub did. What somebody else granted stays.
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
), lacks (privilege, target, role, schema_name, table_name) AS (
    SELECT DISTINCT 'USAGE', format('SCHEMA %I', s.nspname), r.name, s.nspname::text, ''
    FROM schema AS s, role AS r
    WHERE NOT has_schema_privilege(r.name, s.oid, 'USAGE')
    UNION ALL
    SELECT r.privilege, format('%I.%I', t.nspname, t.relname), r.name, t.nspname::text, t.relname::text
    FROM site_table AS t, role AS r
    WHERE NOT has_table_privilege(r.name, t.oid, r.privilege)
)
SELECT format('GRANT %s ON %s TO %I', privilege, target, role)
FROM lacks
UNION ALL
SELECT format('INSERT INTO causeway.granted VALUES (%L, %L, %L, %L) ON CONFLICT DO NOTHING',
    role, schema_name, table_name, privilege)
FROM lacks;
