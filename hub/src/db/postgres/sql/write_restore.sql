-- Whether rows are inserted as they once were.
SELECT set_config('causeway.restores', $1, true);
