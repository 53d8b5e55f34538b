SELECT site, revision, seq, at, epoch, writer_id, writer_host, dataset, loaded_at, log_head,
       last_error
FROM causeway_site;
