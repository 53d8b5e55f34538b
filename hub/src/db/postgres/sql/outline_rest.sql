-- How many partitions are loaded in all, and whether edits keep keys that are looked for wherever the site changes
-- something.
SELECT (SELECT count(*) FROM causeway.loaded WHERE site = $1),
       EXISTS (SELECT FROM causeway.edits_partition
               WHERE site = $1 AND json_array_length(object -> 'kept') > 0);
