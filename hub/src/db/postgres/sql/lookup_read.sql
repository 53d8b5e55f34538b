SELECT lookup, part, md5, rows, bytes, '', ''
FROM causeway.lookup
WHERE site = $1;
