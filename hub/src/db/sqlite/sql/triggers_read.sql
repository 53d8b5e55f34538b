-- What the triggers were made from, and how many are there.
SELECT triggers, (SELECT count(*) FROM sqlite_schema WHERE type = 'trigger') FROM causeway_site;
