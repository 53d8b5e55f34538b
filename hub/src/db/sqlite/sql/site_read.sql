SELECT site, revision, seq, at, epoch, writer_id, writer_host, dataset, edits_head, settled,
       loaded_seq, loaded_edits_seq, writable, (SELECT count(*) FROM causeway_journal), loaded_at,
       log_head, last_error, wanted
FROM causeway_site;
