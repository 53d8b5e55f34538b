DELETE FROM causeway.asked WHERE site = $1 AND date = ANY ($2::text[]::date[]);
