-- What the transaction has changed in a table is of its own kind.
UPDATE causeway.journal SET mark = $3::text::json
WHERE site = $1 AND tx = txid_current() AND table_name = $2;
