-- Nobody else writes down what the site holds until the transaction ends. The number of the commit that
-- its catalog of edits stands at.
SELECT (edits_head ->> 'seq')::bigint FROM causeway.site WHERE site = $1 FOR UPDATE;
