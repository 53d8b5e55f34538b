-- Empties a database of an earlier layout, which holds no edits: everything is loaded again. The
-- sites' schemas stay, with what others may have in them.
DO $$
DECLARE
    gone record;
BEGIN
    IF to_regclass('causeway.site') IS NULL THEN
        RETURN;
    END IF;
    FOR gone IN
        SELECT replace(d.site, '-', '_') AS schema, t.value ->> 'name' AS name
        FROM causeway.dataset AS d, json_array_elements(d.json::json -> 'table') AS t
    LOOP
        EXECUTE format('DROP TABLE IF EXISTS %I.%I CASCADE', gone.schema, gone.name);
    END LOOP;
    FOR gone IN
        SELECT tablename AS name FROM pg_tables
        WHERE schemaname = 'causeway' AND tablename <> 'version'
    LOOP
        EXECUTE format('DROP TABLE causeway.%I CASCADE', gone.name);
    END LOOP;
END
$$;
