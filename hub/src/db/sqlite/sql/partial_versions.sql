SELECT part, version FROM partial WHERE what = ?1;
