SELECT NOT EXISTS (SELECT 1 FROM causeway_journal);
