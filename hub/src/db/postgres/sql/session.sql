-- Every connection of the hub: one form of dates and floats, and an end to all waiting.
SET datestyle = 'ISO, YMD';
SET timezone = 'UTC';
SET extra_float_digits = 1;
SET standard_conforming_strings = on;
-- Triggers judge by what others have committed.
SET default_transaction_isolation = 'read committed';
SET client_min_messages = warning;
SET statement_timeout = '60s';
SET lock_timeout = '10s';
SET idle_in_transaction_session_timeout = '1min';
-- A hub that is gone without a word lets go of its locks soon.
SET tcp_keepalives_idle = 10;
SET tcp_keepalives_interval = 10;
SET tcp_keepalives_count = 3;
SET tcp_user_timeout = '30s';
