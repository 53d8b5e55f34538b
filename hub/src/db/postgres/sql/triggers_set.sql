UPDATE causeway.site SET triggers = $2 WHERE site = $1;
