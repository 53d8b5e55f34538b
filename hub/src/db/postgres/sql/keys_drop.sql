-- No keys, as in a database that was never given any. One transaction.
SET LOCAL lock_timeout = '400ms';
ALTER SEQUENCE causeway.keys MINVALUE 0 MAXVALUE 1 START 1 RESTART 1;
SELECT nextval('causeway.keys');
