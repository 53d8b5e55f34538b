DELETE FROM fact WHERE name = ?1
