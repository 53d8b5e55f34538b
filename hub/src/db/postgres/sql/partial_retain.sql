-- Not `<> ALL`, which compares each partial with each part before PostgreSQL 15.
DELETE FROM causeway.partial
WHERE site = $1 AND NOT EXISTS (SELECT FROM unnest($2::text[]) AS kept (part) WHERE kept.part = partial.part);
