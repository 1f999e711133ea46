do $do$
begin
  execute format('alter role supabase_read_only_user login password %L', :'verifier');
end
$do$
