SELECT table_name, part, known, object, edits, rows, clashes FROM causeway_loaded;
