-- A loader's connection: one COPY may carry a whole table, and no trigger judges what the site has.
SET statement_timeout = '1h';
SET lock_timeout = '5s';
-- The last attempt at a load fetches objects under its locks.
SET idle_in_transaction_session_timeout = '10min';
SET causeway.loader = on;
