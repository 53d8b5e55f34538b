-- What the hub granted on the tables of the site whose schema is $1, or of all sites, and what neither
-- readers ($2) nor writers ($3) are to have any more: the statements that take it back.
WITH surplus AS (
    SELECT g.*,
        CASE g.table_name WHEN '' THEN format('SCHEMA %I', g.schema_name)
            ELSE format('%I.%I', g.schema_name, g.table_name) END AS target,
        EXISTS (SELECT FROM pg_roles WHERE rolname = g.role)
            AND CASE g.table_name WHEN '' THEN to_regnamespace(format('%I', g.schema_name)) IS NOT NULL
                ELSE to_regclass(format('%I.%I', g.schema_name, g.table_name)) IS NOT NULL END AS is_there
    FROM causeway.granted AS g
    WHERE ($1::text IS NULL OR g.schema_name = $1)
      AND g.role <> ALL ($3::text[])
      AND NOT (g.role = ANY ($2::text[]) AND g.privilege IN ('USAGE', 'SELECT'))
)
SELECT format('REVOKE %s ON %s FROM %I', privilege, target, role)
FROM surplus
WHERE is_there
UNION ALL
SELECT format('DELETE FROM causeway.granted WHERE (role, schema_name, table_name, privilege) = (%L, %L, %L, %L)',
    role, schema_name, table_name, privilege)
FROM surplus;
