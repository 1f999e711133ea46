do $do$
declare
  one name;
begin
  perform pg_terminate_backend(pid) from pg_stat_activity where usename ~ '^cli_login_[0-9a-f]{12}$';
  for one in select rolname from pg_roles where rolname ~ '^cli_login_[0-9a-f]{12}$' loop
    execute format('drop owned by %I', one);
    execute format('drop role %I', one);
  end loop;
end
$do$
