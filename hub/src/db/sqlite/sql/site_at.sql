-- Where the catalogs stand.
SELECT coalesce(seq, 0), coalesce(edits_head ->> '$.seq', 0), revision FROM causeway_site;
