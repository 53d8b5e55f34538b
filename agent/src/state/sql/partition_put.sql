INSERT INTO partition (table_name, part, md5, row_count, bytes, summary, dataset, seq)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
ON CONFLICT (table_name, part) DO UPDATE SET
  md5 = excluded.md5,
  row_count = excluded.row_count,
  bytes = excluded.bytes,
  summary = excluded.summary,
  dataset = excluded.dataset,
  seq = excluded.seq
