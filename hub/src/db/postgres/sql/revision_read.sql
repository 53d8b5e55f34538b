SELECT revision FROM causeway.site WHERE site = $1;
