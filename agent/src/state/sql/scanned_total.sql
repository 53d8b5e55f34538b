SELECT coalesce(sum(quarantined), 0) FROM scanned
