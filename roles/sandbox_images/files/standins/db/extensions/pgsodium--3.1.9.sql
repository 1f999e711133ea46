create schema if not exists pgsodium;
create function pgsodium.create_key(name text default null)
  returns uuid language plpgsql as $$ begin raise feature_not_supported using message = 'pgsodium is not available in the sandbox flavour'; end $$;
