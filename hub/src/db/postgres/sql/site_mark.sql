-- The site's rows stand at another commit now, or others of them are loaded.
INSERT INTO causeway.site
    (site, revision, seq, at, epoch, writer_id, writer_host, dataset, loaded_at, log_head, wanted)
VALUES ($1, 1, $2, $3::text::timestamptz, $4, $5, $6, $7, $8::text::timestamptz, $2, $9)
ON CONFLICT (site) DO UPDATE
SET revision    = site.revision + 1,
    seq         = excluded.seq,
    at          = excluded.at,
    epoch       = excluded.epoch,
    writer_id   = excluded.writer_id,
    writer_host = excluded.writer_host,
    dataset     = excluded.dataset,
    loaded_at   = excluded.loaded_at,
    log_head    = greatest(site.log_head, excluded.log_head),
    wanted      = excluded.wanted,
    last_error  = NULL;
