-- The roles' settings, and the end of the role postgres as a superuser.
alter role supabase_admin set search_path to "$user", public, auth, extensions;
alter role postgres set search_path to "$user", public, extensions;
alter role supabase_auth_admin set search_path to auth;
alter role supabase_auth_admin set idle_in_transaction_session_timeout to 60000;
alter role supabase_storage_admin set search_path to storage;
alter role authenticator set statement_timeout to '8s';
alter role authenticator set lock_timeout to '8s';
alter role anon set statement_timeout to '3s';
alter role authenticated set statement_timeout to '8s';
alter role supabase_read_only_user set default_transaction_read_only to on;
alter role anon inherit;
alter role authenticated inherit;
alter role service_role inherit;
alter role supabase_auth_admin nocreaterole;

grant anon, authenticated, service_role, authenticator to postgres with admin option;
grant pg_monitor, pg_read_all_data, pg_signal_backend to postgres with admin option;
-- The official image lets postgres write policies on storage.objects through supautils, which Debian does not have.
grant supabase_storage_admin to postgres;
grant all on schema extensions to postgres with grant option;
grant all on database postgres to dashboard_user;

-- who owns them must stay a superuser
do $$
declare
  one text;
  routine regprocedure;
begin
  for one in select evtname from pg_event_trigger loop
    execute format('alter event trigger %I owner to supabase_admin', one);
  end loop;
  for routine in select oid::regprocedure from pg_proc where pronamespace in ('extensions'::regnamespace, 'pgbouncer'::regnamespace)
                 and proowner = 'postgres'::regrole loop
    execute format('alter function %s owner to supabase_admin', routine);
  end loop;
end
$$;
alter function graphql_public.graphql owner to supabase_admin;
alter schema graphql_public owner to supabase_admin;
alter schema extensions owner to postgres;
alter role postgres nosuperuser createdb createrole login replication bypassrls;
