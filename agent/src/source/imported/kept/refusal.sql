SELECT "column", reason FROM refused WHERE at = ?1
