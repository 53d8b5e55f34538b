SELECT table_name, part, md5, rows FROM causeway.loaded WHERE site = $1;
