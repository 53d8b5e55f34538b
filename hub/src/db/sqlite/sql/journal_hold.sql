-- What stays in the journal is kept while another database owns the edits.
UPDATE causeway_journal SET held = 1;
