do $do$
begin
  execute format('alter role postgres password %L', :'owner');
  execute format('alter role supabase_admin password %L', :'administrator');
end
$do$
