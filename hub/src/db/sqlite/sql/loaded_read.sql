SELECT table_name, part, known, object, edits, rows FROM causeway_loaded;
