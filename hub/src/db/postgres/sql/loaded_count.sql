-- How many of these partitions have rows here that are known.
SELECT count(*)
FROM unnest($2::text[], $3::text[]) AS asked (table_name, part)
JOIN causeway.loaded AS loaded
    ON loaded.site = $1 AND loaded.table_name = asked.table_name AND loaded.part = asked.part
WHERE loaded.known;
