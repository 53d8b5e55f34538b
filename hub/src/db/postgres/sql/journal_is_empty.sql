SELECT NOT EXISTS (SELECT FROM causeway.journal WHERE site = $1);
