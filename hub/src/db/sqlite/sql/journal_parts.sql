SELECT table_name, old_part, held FROM causeway_journal WHERE old_part IS NOT NULL
UNION
SELECT table_name, new_part, held FROM causeway_journal WHERE new_part IS NOT NULL;
