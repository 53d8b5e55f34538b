UPDATE causeway_site SET revision = revision + 1, writable = coalesce(?2, writable) WHERE site = ?1;
