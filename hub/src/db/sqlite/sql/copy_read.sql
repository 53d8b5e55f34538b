SELECT body FROM copy WHERE key = ?1;
