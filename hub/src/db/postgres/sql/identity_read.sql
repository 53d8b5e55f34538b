SELECT id, address FROM causeway.database;
