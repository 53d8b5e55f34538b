-- The site's rows stand at another commit now, or others of them are loaded.
INSERT INTO causeway_site
    (site, revision, seq, at, epoch, writer_id, writer_host, dataset, loaded_at, log_head, wanted)
VALUES (?1, 1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?2, ?9)
ON CONFLICT (site) DO UPDATE
SET revision    = revision + 1,
    seq         = excluded.seq,
    at          = excluded.at,
    epoch       = excluded.epoch,
    writer_id   = excluded.writer_id,
    writer_host = excluded.writer_host,
    dataset     = excluded.dataset,
    loaded_at   = excluded.loaded_at,
    log_head    = max(coalesce(log_head, 0), excluded.log_head),
    wanted      = excluded.wanted,
    last_error  = NULL;
