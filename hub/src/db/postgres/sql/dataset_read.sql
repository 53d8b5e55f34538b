SELECT json FROM causeway.dataset WHERE site = $1 AND md5 = $2;
