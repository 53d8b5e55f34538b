-- The rows of a partition are of a later version now (?3: whether one is known): that of ?6 and ?7,
-- where they were of ?4 and ?5 and no clash mark can change with it. Else they are loaded again. The
-- catalogs know how many rows a version has.
INSERT INTO causeway_loaded (table_name, part, known, object, edits, rows, clashes)
VALUES (?1, ?2, 0, NULL, NULL, 0, 0)
ON CONFLICT (table_name, part) DO UPDATE
SET known  = known AND ?3 AND clashes = 0 AND object IS ?4 AND edits IS ?5,
    object = ?6,
    edits  = ?7,
    rows   = coalesce(
        (SELECT json_extract(e.object, '$.merged.rows') FROM causeway_edits_partition AS e
         WHERE e.table_name = ?1 AND e.part = ?2 AND json_extract(e.object, '$.md5') = ?7),
        (SELECT p.rows FROM causeway_partition AS p
         WHERE p.table_name = ?1 AND p.part = ?2 AND p.md5 = ?6 AND ?7 IS NULL),
        rows);
