SELECT DISTINCT table_name FROM causeway.journal WHERE site = $1;
