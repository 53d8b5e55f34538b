-- How many members of a set are not in another.
SELECT count(*)
FROM seen AS child
WHERE child.in_set = ?1
  AND NOT EXISTS (
    SELECT 1
    FROM seen AS parent
    WHERE parent.in_set = ?2
      AND parent.hash = child.hash
  )
