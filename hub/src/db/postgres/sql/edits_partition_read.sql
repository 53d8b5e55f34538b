SELECT table_name, part, object::text, dataset, seq FROM causeway.edits_partition WHERE site = $1;
