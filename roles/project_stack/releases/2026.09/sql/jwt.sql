-- The life of a token, for SQL that signs its own. The signing secret stays out of the database: every SQL user could read it there.
\set jwt_exp `printf '%s' "$JWT_EXP"`

ALTER DATABASE postgres SET "app.settings.jwt_exp" TO :'jwt_exp';
