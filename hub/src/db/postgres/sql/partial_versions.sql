SELECT part, version FROM causeway.partial WHERE site = $1 AND what = $2;
