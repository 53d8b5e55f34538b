SELECT held FROM held ORDER BY table_name
