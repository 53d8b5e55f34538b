-- A date that was asked for.
INSERT INTO causeway_asked (date, hour) VALUES (?1, ?2)
ON CONFLICT (date) DO UPDATE SET hour = max(hour, excluded.hour);
