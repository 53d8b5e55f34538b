UPDATE causeway.version SET version = $1;
