-- The database that the owner works in; the one beside it belongs to the platform's own services.
select current_database()::text as name,
       array(select nspname::text from pg_namespace where nspname !~ '^pg_(toast|temp)' order by nspname) as schemas
