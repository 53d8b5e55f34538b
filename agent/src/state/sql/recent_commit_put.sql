INSERT OR REPLACE INTO recent_commit (seq, body) VALUES (?1, ?2)
