-- A loader's connection: one COPY may carry a whole table.
SET statement_timeout = '1h';
SET lock_timeout = '5s';
