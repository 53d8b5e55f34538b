INSERT OR IGNORE INTO seen (in_set, hash)
VALUES (?1, ?2)
