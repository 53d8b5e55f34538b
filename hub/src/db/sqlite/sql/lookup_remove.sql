DELETE FROM causeway_lookup WHERE lookup = ?1 AND part = ?2;
