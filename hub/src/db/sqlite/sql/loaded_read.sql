SELECT table_name, part, md5, rows FROM causeway_loaded;
