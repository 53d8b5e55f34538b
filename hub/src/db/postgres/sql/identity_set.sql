UPDATE causeway.database SET id = $1, address = $2;
