-- Whether somebody dropped the schema of a site that is known.
SELECT EXISTS (
    SELECT FROM causeway.site
    WHERE site = $1 AND to_regnamespace(quote_ident(replace(site, '-', '_'))) IS NULL
);
