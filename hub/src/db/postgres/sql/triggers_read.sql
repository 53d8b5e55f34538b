-- Who owns what this session makes, and which triggers a site's tables have.
SELECT current_user::text, (SELECT triggers FROM causeway.site WHERE site = $1);
