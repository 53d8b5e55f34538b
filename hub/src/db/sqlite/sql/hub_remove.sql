DELETE FROM site WHERE site = ?1;
