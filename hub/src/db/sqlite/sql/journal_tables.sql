SELECT DISTINCT table_name FROM causeway_journal;
