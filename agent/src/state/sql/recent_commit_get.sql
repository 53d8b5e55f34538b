SELECT body FROM recent_commit WHERE seq = ?1
