SELECT record FROM kept WHERE replaced = 0 ORDER BY key
