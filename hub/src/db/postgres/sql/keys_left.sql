-- How many keys are left of the block.
SELECT greatest(sequence.seqmax - keys.last_value + CASE WHEN keys.is_called THEN 0 ELSE 1 END, 0)
FROM causeway.keys
JOIN pg_sequence AS sequence ON sequence.seqrelid = 'causeway.keys'::regclass;
