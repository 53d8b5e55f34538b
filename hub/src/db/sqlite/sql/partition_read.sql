SELECT table_name, part, md5, rows, bytes, summary, dataset FROM causeway_partition;
