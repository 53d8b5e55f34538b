-- Nobody else writes down what the site holds until the transaction ends.
SELECT FROM causeway.site WHERE site = $1 FOR UPDATE;
