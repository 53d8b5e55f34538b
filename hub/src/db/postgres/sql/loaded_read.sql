SELECT table_name, part, known, object, edits, rows FROM causeway.loaded WHERE site = $1;
