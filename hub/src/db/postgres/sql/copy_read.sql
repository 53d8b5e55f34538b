SELECT body FROM causeway.copy WHERE key = $1;
