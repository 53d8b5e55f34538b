-- What the triggers of all sites' tables call. They run as the role that `init` ran as, whoever
-- writes; nobody else may call them.

-- Ends a statement.
CREATE OR REPLACE FUNCTION causeway.refuse(state text, table_name text, column_name text, message text)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = state, MESSAGE = message,
        TABLE = table_name, COLUMN = column_name;
END $$;

-- A text as a message shows it.
CREATE OR REPLACE FUNCTION causeway.show(given text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT to_json(left(given, 60))::text || CASE WHEN length(given) > 60 THEN '…' ELSE '' END
$$;

-- Which database this is, and when its identity was written there. A restore of a dump makes another of
-- it, and so does a copy that is put in its place. NULL where a restore has left several identities.
CREATE OR REPLACE FUNCTION causeway.place() RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE count(*) WHEN 1 THEN min(format('%s %s', d.oid, i.xmin)) END
      FROM pg_database AS d, causeway.database AS i
     WHERE d.datname = current_database()
$$;

-- Refuses where a site's tables take no changes.
CREATE OR REPLACE FUNCTION causeway.require_writable(of_site text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    writable    boolean;
    start_known boolean;
    owner       json;
    own         record;
    is_loaded   boolean;
    sleeps      boolean;
    message     text;
    hint        text;
BEGIN
    SELECT s.writable, coalesce(s.server_start = pg_postmaster_start_time() AND s.place = causeway.place(), false),
           s.edits_head -> 'writer', s.seq IS NOT NULL
      INTO writable, start_known, owner, is_loaded
      FROM causeway.site AS s
     WHERE s.site = of_site;
    sleeps := EXISTS (SELECT FROM causeway.copy AS k WHERE k.key = 'sleep' AND k.body <> '');
    IF writable AND start_known AND NOT sleeps THEN
        RETURN;
    END IF;
    SELECT d.id, d.address INTO own FROM causeway.database AS d;
    hint := 'run `causeway-hub load`';
    IF own.id LIKE 'past-%' THEN
        message := 'it takes no changes here: the database holds a past state';
        hint := 'write to the present database';
    ELSIF sleeps THEN
        message := 'it takes no changes: the database is going to sleep';
        hint := 'wake it with `causeway-hub wake`';
    ELSIF writable THEN
        message := 'it takes no changes until a hub has read its log: the database server has started again, '
            'or the database was restored';
        hint := 'wait for the next refresh of a hub that runs, or run `causeway-hub load`';
    ELSIF NOT coalesce(is_loaded, false) THEN
        message := 'it takes no changes here: nothing of it is loaded yet';
        hint := 'run `causeway-hub load`, which says what is in the way';
    ELSIF owner IS NULL THEN
        message := 'it takes no changes here: no database owns its edits yet';
        hint := 'run `causeway-hub load` with `write = true` under [edits]';
    ELSIF owner ->> 'id' IS DISTINCT FROM own.id AND owner ->> 'address' = own.address THEN
        message := format('it is read-only here: its edits belong to the database %s, which was at this '
            'address before this one was made', owner ->> 'id');
        hint := 'make this database the owner with `causeway-hub init --take-over`';
    ELSIF owner ->> 'id' IS DISTINCT FROM own.id THEN
        message := format('it is read-only here: its edits belong to the database %s at %s',
            owner ->> 'id', owner ->> 'address');
        hint := 'write there, or make this database the owner with `causeway-hub init --take-over`';
    ELSE
        message := 'it takes no changes at present';
    END IF;
    RAISE EXCEPTION USING ERRCODE = '25006', MESSAGE = format('site %s: %s', of_site, message),
        HINT = hint;
END $$;

-- Before each statement; argument: the site.
CREATE OR REPLACE FUNCTION causeway.check_writable() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM causeway.require_writable(TG_ARGV[0]);
    PERFORM set_config('causeway.checked', 'on', true);
    RETURN NULL;
END $$;

-- Before TRUNCATE, which tells no trigger what it takes away.
CREATE OR REPLACE FUNCTION causeway.refuse_truncate() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = '0A000',
        MESSAGE = format('%s: TRUNCATE would leave no trace of the rows', TG_TABLE_NAME),
        HINT = format('on purpose: BEGIN; SET LOCAL causeway.allow_shrink = on; DELETE FROM %I.%I; COMMIT',
            TG_TABLE_SCHEMA, TG_TABLE_NAME);
    RETURN NULL;
END $$;

-- After each DELETE: whether it takes a large part of a table. The journal has a row for each row that
-- is gone.
CREATE OR REPLACE FUNCTION causeway.guard_deletes(of_site text, schema_name text, of_table text)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    deleted bigint;
    loaded  bigint;
BEGIN
    IF current_setting('causeway.allow_shrink', true) = 'on' THEN
        RETURN;
    END IF;
    SELECT count(*) INTO deleted
      FROM causeway.journal AS j
     WHERE j.site = of_site AND j.tx = txid_current() AND j.table_name = of_table
       AND j.new IS NULL;
    IF deleted <= 100 THEN
        RETURN;
    END IF;
    EXECUTE format('SELECT count(*) FROM %I.%I', schema_name, of_table) INTO loaded;
    loaded := loaded + deleted;
    IF deleted * 5 > loaded THEN
        PERFORM causeway.refuse('23514', of_table, '',
            format('%s: this deletes %s of %s rows, from the history as well; where that is meant, '
                'set causeway.allow_shrink = on in the transaction', of_table, deleted, loaded));
    END IF;
END $$;

-- Refuses what all rows that are there have to be judged by, in a transaction that sees none which others
-- have committed since it began.
CREATE OR REPLACE FUNCTION causeway.require_sight(of_table text, what text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF current_setting('transaction_isolation') NOT LIKE 'read %' THEN
        RAISE EXCEPTION USING ERRCODE = '0A000', TABLE = of_table, HINT = 'do it under READ COMMITTED',
            MESSAGE = format('%s: a transaction that is %s cannot %s', of_table,
                upper(current_setting('transaction_isolation')), what);
    END IF;
END $$;

-- The name of a lock on the rows of a table that others refer to; there are few, since each takes room
-- in the server until its transaction ends.
CREATE OR REPLACE FUNCTION causeway.parent_lock(of_site text, of_table text, key text) RETURNS bigint
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT hashtextextended(format('causeway parent %s %s %s', of_site, of_table, hashtext(key) & 63), 0)
$$;

-- Keeps other writers from deleting a row that is about to be referred to.
CREATE OR REPLACE FUNCTION causeway.keep_parent(of_site text, of_table text, key text) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT pg_advisory_xact_lock_shared(causeway.parent_lock(of_site, of_table, key))
$$;

-- After rows were deleted: waits for writers that may have come to refer to them.
CREATE OR REPLACE FUNCTION causeway.drop_parents(of_site text, of_table text, key_column text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(l.lock)
       FROM (SELECT DISTINCT causeway.parent_lock(of_site, of_table, j.old ->> key_column) AS lock
               FROM causeway.journal AS j
              WHERE j.site = of_site AND j.tx = txid_current() AND j.table_name = of_table
                AND j.new IS NULL
              ORDER BY lock) AS l;
    IF FOUND THEN
        PERFORM causeway.require_sight(of_table, 'delete rows that others may refer to');
    END IF;
END $$;

-- Before the rows that follow a parent are taken along to where that was moved: waits for writers that are
-- about to put some where it was.
CREATE OR REPLACE FUNCTION causeway.move_parent(of_site text, of_table text, key text) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT pg_advisory_xact_lock(causeway.parent_lock(of_site, of_table, key))
$$;

-- Keeps other writers from bringing new values of a unique rule across partitions. One lock for all
-- values: of several, two statements of many rows would wait for each other.
CREATE OR REPLACE FUNCTION causeway.lock_unique(of_site text, of_table text, rule integer) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM causeway.require_sight(of_table, 'bring values that are unique across partitions');
    PERFORM pg_advisory_xact_lock(hashtextextended(
        format('causeway unique %s %s %s', of_site, of_table, rule), 0));
END $$;

-- The key of a row that is born here. A restore in many transactions puts the sequence back, and brings the
-- trigger that calls this before the one that checks: until then it gives none. Where one has checked, the
-- transaction's locks keep a restore from taking the tables away, and it takes the sequence after them.
CREATE OR REPLACE FUNCTION causeway.next_key() RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF current_setting('causeway.checked', true) IS DISTINCT FROM 'on' THEN
        RAISE EXCEPTION USING ERRCODE = '25006', MESSAGE = 'this database gives no keys while it is being restored',
            HINT = 'wait until the restore has ended, and for the next refresh of a hub that runs, or run '
                '`causeway-hub load`';
    END IF;
    RETURN nextval('causeway.keys');
EXCEPTION WHEN sequence_generator_limit_exceeded THEN
    RAISE EXCEPTION USING ERRCODE = '2200H', MESSAGE = 'this database has no keys left for new rows',
        HINT = 'a hub takes another block of keys within seconds: try again';
END $$;

-- Writes down what became of a row: JSON objects of texts by column, and the parts.
CREATE OR REPLACE FUNCTION causeway.write_journal(
    of_site text, of_table text, old_part text, old text, new_part text, new text
) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    claim text := left(coalesce(current_setting('causeway.actor', true), ''), 200);
    actor text;
BEGIN
    IF octet_length(new) > 16 * 1024 * 1024 THEN
        PERFORM causeway.refuse('23514', of_table, '',
            format('%s: a row must have at most %s bytes', of_table, 16 * 1024 * 1024));
    END IF;
    -- Only the owner of the tables speaks for others.
    actor := CASE
        WHEN claim = '' THEN session_user::text
        WHEN session_user = current_user THEN claim
        ELSE session_user || '/' || claim
    END;
    INSERT INTO causeway.journal
        (site, tx, table_name, old_part, old, new_part, new, object, site_seq, edits_seq, actor)
    SELECT s.site, txid_current(), of_table, old_part, old::json, new_part, new::json,
           CASE WHEN l.known THEN l.object END, s.loaded_seq, s.loaded_edits_seq, actor
      FROM causeway.site AS s
      LEFT JOIN causeway.loaded AS l
        ON l.site = s.site AND l.table_name = of_table AND l.part = old_part
     WHERE s.site = of_site;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = '25006', HINT = 'run `causeway-hub load`',
            MESSAGE = format('site %s is not known here', of_site);
    END IF;
END $$;

-- The bucket of a key, given as fields of canonical CSV.
CREATE OR REPLACE FUNCTION causeway.bucket(fields text[], buckets integer) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT 'b=' || lpad(index::text, length(buckets::text), '0') || 'of' || buckets
      FROM (SELECT ('x' || left(md5(array_to_string(fields, ',', '')), 8))::bit(32)::bigint % buckets)
        AS hashed (index)
$$;

-- A text as a field.
CREATE OR REPLACE FUNCTION causeway.csv_text(given text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE
        WHEN given IN ('', '\.') OR given ~ E'[,"\\n\\r]' THEN '"' || replace(given, '"', '""') || '"'
        ELSE given
    END
$$;

-- A time or timestamp as a field: a T between date and time, and six digits of a second or none.
CREATE OR REPLACE FUNCTION causeway.csv_moment(given text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT replace(CASE
        WHEN strpos(given, '.') > 0 THEN rpad(given, strpos(given, '.') + 6, '0')
        ELSE given
    END, ' ', 'T')
$$;

-- A float as a field: the shortest digits that read back as the same one. Unlike PostgreSQL's own,
-- they may lie on the very edge to the next float.
CREATE OR REPLACE FUNCTION causeway.csv_float(given double precision) RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp SET extra_float_digits = 1 AS $$
DECLARE
    magnitude text := abs(given)::text;
    sign      text := CASE WHEN given < 0 THEN '-' ELSE '' END;
    mantissa  text := split_part(magnitude, 'e', 1);
    fraction  text := split_part(mantissa, '.', 2);
    digits    text := ltrim(replace(mantissa, '.', ''), '0');
    -- The value is digits × 10^power.
    power     integer := coalesce(nullif(split_part(magnitude, 'e', 2), ''), '0')::integer
        - length(fraction);
    shorter   numeric;
    point     integer;
BEGIN
    IF given = 0 THEN
        RETURN '0';
    END IF;
    -- A digit less, rounded to the nearest, if that is still this float.
    IF length(digits) > 1 THEN
        shorter := round(digits::numeric / 10);
        IF (shorter::text || 'e' || (power + 1))::numeric <= 1.7976931348623157e308
            AND (shorter::text || 'e' || (power + 1))::double precision = abs(given) THEN
            digits := shorter::text;
            power := power + 1;
        END IF;
    END IF;
    power := power + length(digits) - length(rtrim(digits, '0'));
    digits := rtrim(digits, '0');
    point := length(digits) + power;
    RETURN sign || CASE
        WHEN power >= 0 AND point <= 16 THEN digits || repeat('0', power)
        WHEN point > 0 AND point <= 16 THEN left(digits, point) || '.' || substr(digits, point + 1)
        WHEN point > -5 AND point <= 0 THEN '0.' || repeat('0', -point) || digits
        WHEN length(digits) = 1 THEN digits || 'e' || (point - 1)
        ELSE left(digits, 1) || '.' || substr(digits, 2) || 'e' || (point - 1)
    END;
END $$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA causeway FROM PUBLIC;
