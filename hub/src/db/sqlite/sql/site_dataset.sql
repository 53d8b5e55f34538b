-- The dataset that the site's tables were made from; NULL where none was loaded.
SELECT (SELECT dataset FROM causeway_site);
