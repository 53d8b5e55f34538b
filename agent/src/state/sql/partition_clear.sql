DELETE FROM partition
