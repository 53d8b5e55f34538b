INSERT INTO causeway.asked (site, date, hour)
SELECT $1, put.date, $3::text::timestamptz
FROM unnest($2::text[]::date[]) AS put (date)
ON CONFLICT (site, date) DO UPDATE SET hour = greatest(asked.hour, excluded.hour);
