SELECT table_name, source, place, column_name, reason, fields, since_ms FROM refused
ORDER BY table_name, number
