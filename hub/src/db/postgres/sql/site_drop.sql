-- The statements that take away what the hub has made in a site's schema ($1), and then the schema. What others have
-- there, or have made from its tables, is in their way.
SELECT statement FROM (
    SELECT 1 AS step, format('DROP TABLE %I.%I', $1, relname) AS statement
    FROM pg_class
    WHERE relnamespace = to_regnamespace(quote_ident($1)) AND relkind = 'r'
      AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = pg_class.oid AND attname = 'causeway_part')
    UNION ALL
    SELECT 2, format('DROP FUNCTION %I.%I()', $1, proname)
    FROM pg_proc
    WHERE pronamespace = to_regnamespace(quote_ident($1)) AND prorettype = 'trigger'::regtype
    UNION ALL
    SELECT 3, format('DROP SCHEMA %I', $1)
    WHERE to_regnamespace(quote_ident($1)) IS NOT NULL
) AS ordered
ORDER BY step, statement;
