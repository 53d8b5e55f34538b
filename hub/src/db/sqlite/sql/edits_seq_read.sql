-- The number of the commit that the catalog of edits stands at.
SELECT coalesce(json_extract(edits_head, '$.seq'), 0) FROM causeway_site;
