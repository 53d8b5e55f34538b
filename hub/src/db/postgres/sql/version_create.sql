CREATE SCHEMA causeway;
CREATE TABLE causeway.version (version bigint NOT NULL);
INSERT INTO causeway.version VALUES (0);
