-- What was learned of a site's partitions by reading them once. All of it can be made again.
CREATE TABLE IF NOT EXISTS causeway.partial (
    site    text  NOT NULL,
    what    text  NOT NULL,
    part    text  NOT NULL,
    version text  NOT NULL,  -- names all that it was made from
    body    bytea NOT NULL,
    PRIMARY KEY (site, what, part)
);
