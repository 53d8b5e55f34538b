-- Of a site's partitions those that a load may have to change: in buckets, where a commit changed something ($3),
-- wanted ($2) and not loaded as the catalogs have them, or loaded and not wanted. And those that keep keys.
SELECT table_name, part,
       of_site.md5, of_site.rows, of_site.bytes, of_site.summary::text, of_site.dataset, of_site.seq,
       edits.object::text, edits.dataset, edits.seq,
       loaded.known, loaded.object, loaded.edits, loaded.rows, loaded.clashes
FROM (SELECT * FROM causeway.partition WHERE site = $1) AS of_site
FULL JOIN (SELECT * FROM causeway.edits_partition WHERE site = $1) AS edits USING (table_name, part)
FULL JOIN (SELECT * FROM causeway.loaded WHERE site = $1) AS loaded USING (table_name, part)
WHERE part LIKE 'b=%'
   OR part = ANY ($3)
   OR CASE
          WHEN part = ANY ($2) THEN
              loaded.known IS NOT TRUE
              OR loaded.object IS DISTINCT FROM of_site.md5
              OR loaded.edits IS DISTINCT FROM edits.object ->> 'md5'
          ELSE loaded.part IS NOT NULL
      END
   OR json_array_length(edits.object -> 'kept') > 0;
