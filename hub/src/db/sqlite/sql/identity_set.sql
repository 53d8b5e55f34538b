UPDATE database SET id = ?1, address = ?2;
