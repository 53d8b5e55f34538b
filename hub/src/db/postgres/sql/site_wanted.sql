-- What was loaded last has become something else, and nobody loaded anything for it.
UPDATE causeway.site SET wanted = $3 WHERE site = $1 AND revision = $2;
