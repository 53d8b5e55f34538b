-- How many rows a transaction has deleted per table.
SELECT table_name, count(*) FROM causeway_journal WHERE tx = ?1 AND new IS NULL GROUP BY table_name;
