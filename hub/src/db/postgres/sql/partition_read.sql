SELECT table_name, part, md5, rows, bytes, summary::text, dataset, seq
FROM causeway.partition
WHERE site = $1;
