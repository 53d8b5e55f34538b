SELECT table_name, old_part, held FROM causeway.journal WHERE site = $1 AND old_part IS NOT NULL
UNION
SELECT table_name, new_part, held FROM causeway.journal WHERE site = $1 AND new_part IS NOT NULL;
