-- What the triggers were made from.
INSERT INTO causeway_site (site, triggers, zone) VALUES (?1, ?2, ?3)
ON CONFLICT (site) DO UPDATE SET triggers = excluded.triggers, zone = excluded.zone;
