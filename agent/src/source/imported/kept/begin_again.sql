UPDATE kept SET replaced = NULL WHERE replaced IS NOT NULL
