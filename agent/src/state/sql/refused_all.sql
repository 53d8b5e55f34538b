SELECT table_name, source, place, column_name, reason, fields FROM refused
ORDER BY table_name, number
