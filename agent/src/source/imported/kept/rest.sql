SELECT record FROM kept WHERE replaced IS NULL ORDER BY key
