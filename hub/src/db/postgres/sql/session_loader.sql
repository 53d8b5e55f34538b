-- A loader's connection: one COPY may carry a whole table, and no trigger judges what the site has.
SET statement_timeout = '1h';
SET lock_timeout = '5s';
SET causeway.loader = on;
