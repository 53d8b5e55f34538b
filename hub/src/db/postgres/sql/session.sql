-- Every connection of the hub: one form of dates and floats, and an end to all waiting.
SET datestyle = 'ISO, YMD';
SET timezone = 'UTC';
SET extra_float_digits = 1;
SET standard_conforming_strings = on;
SET client_min_messages = warning;
SET statement_timeout = '60s';
SET lock_timeout = '10s';
SET idle_in_transaction_session_timeout = '10min';
