DELETE FROM causeway_asked WHERE date = ?1;
