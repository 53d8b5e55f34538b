-- The site's tables by their bare names, and in whose name they are changed, until the transaction ends.
SELECT set_config('search_path', $1, true), set_config('causeway.actor', $2, true);
