SELECT json FROM causeway_dataset WHERE md5 = ?1;
