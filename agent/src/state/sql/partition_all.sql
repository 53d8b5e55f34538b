SELECT table_name, part, md5, row_count, bytes, summary, dataset, seq FROM partition
