SELECT count(*) FROM causeway.loaded WHERE site = $1;
