-- Notes the digest of what is wanted now, where no partition came or went for it.
UPDATE causeway_site SET wanted = ?3 WHERE site = ?1 AND revision = ?2;
