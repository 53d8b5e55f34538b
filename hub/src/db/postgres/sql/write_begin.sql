-- The site's tables by their bare names, and in whose name they are changed, until the transaction ends. A statement
-- that stays prepared is planned anew each time: which rows a list asks for decides how they are found.
SELECT set_config('search_path', $1, true), set_config('causeway.actor', $2, true),
       set_config('plan_cache_mode', 'force_custom_plan', true);
