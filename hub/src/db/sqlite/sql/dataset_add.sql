INSERT INTO causeway_dataset (md5, json) VALUES (?1, ?2) ON CONFLICT (md5) DO NOTHING;
