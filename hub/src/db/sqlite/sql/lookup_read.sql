SELECT lookup, part, md5, rows, bytes, '', '' FROM causeway_lookup;
