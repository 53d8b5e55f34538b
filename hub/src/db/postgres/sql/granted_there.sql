SELECT to_regclass('causeway.granted') IS NOT NULL;
