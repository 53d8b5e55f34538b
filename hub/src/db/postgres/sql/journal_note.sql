-- A row of the journal that changes nothing.
SELECT causeway.require_writable($1), causeway.write_journal($1, $2, $3, NULL, NULL, NULL);
