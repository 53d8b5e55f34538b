INSERT OR REPLACE INTO scanned (table_name, place, quarantined, dangling)
VALUES (?1, ?2, ?3, ?4)
