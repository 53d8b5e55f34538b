DELETE FROM recent_commit
