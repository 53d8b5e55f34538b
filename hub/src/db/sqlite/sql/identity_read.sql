SELECT id, address FROM database;
