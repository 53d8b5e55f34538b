DELETE FROM causeway.partial WHERE site = $1 AND part <> ALL ($2);
