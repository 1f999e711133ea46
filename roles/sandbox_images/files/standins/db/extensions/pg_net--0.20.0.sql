create schema if not exists net;
create function net.http_get(url text, params jsonb default '{}', headers jsonb default '{}', timeout_milliseconds int default 5000)
  returns bigint language plpgsql as $$ begin raise feature_not_supported using message = 'pg_net is not available in the sandbox flavour'; end $$;
create function net.http_delete(url text, params jsonb default '{}', headers jsonb default '{}', timeout_milliseconds int default 5000, body jsonb default null)
  returns bigint language plpgsql as $$ begin raise feature_not_supported using message = 'pg_net is not available in the sandbox flavour'; end $$;
create function net.http_post(url text, body jsonb default '{}', params jsonb default '{}', headers jsonb default '{"Content-Type": "application/json"}', timeout_milliseconds int default 5000)
  returns bigint language plpgsql as $$ begin raise feature_not_supported using message = 'pg_net is not available in the sandbox flavour'; end $$;
