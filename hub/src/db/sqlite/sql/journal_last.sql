-- The last transaction in the journal. Transactions come one after the other.
SELECT tx FROM causeway_journal ORDER BY seq DESC LIMIT 1;
