SELECT table_name, part, known, object, edits, rows, clashes FROM causeway.loaded WHERE site = $1;
