SELECT table_name, place, quarantined, dangling FROM scanned ORDER BY table_name
