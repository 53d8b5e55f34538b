-- What the hub has granted to roles, and takes back when they are not named any more.
CREATE TABLE IF NOT EXISTS causeway.granted (
    role        text NOT NULL,
    schema_name text NOT NULL,
    table_name  text NOT NULL,  -- empty: the schema
    privilege   text NOT NULL,
    PRIMARY KEY (role, schema_name, table_name, privilege)
);
