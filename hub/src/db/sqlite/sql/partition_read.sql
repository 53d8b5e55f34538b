SELECT table_name, part, md5, rows, bytes, summary, dataset, seq FROM causeway_partition;
