SELECT table_name, part, object, dataset, seq FROM causeway_edits_partition;
