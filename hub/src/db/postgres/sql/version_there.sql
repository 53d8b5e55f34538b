SELECT to_regclass('causeway.version') IS NOT NULL;
