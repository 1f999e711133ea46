-- One that expired goes when nobody uses it any more.
do $do$
declare
  one name;
begin
  for one in
    select rolname from pg_roles
    where rolname ~ '^cli_login_[0-9a-f]{12}$' and rolvaliduntil < now()
      and not exists (select from pg_stat_activity where usename = rolname)
  loop
    begin
      execute format('drop owned by %I', one);
      execute format('drop role %I', one);
    exception when dependent_objects_still_exist then
      null;  -- it owns something in another database, and can no longer log in
    end;
  end loop;
  execute format(
    'create role %I login %s password %L valid until %L in role %I',
    :'role', :'inherit', :'verifier', now() + (:'seconds' || ' seconds')::interval, :'member_of'
  );
  if :'inherit' = 'inherit' then
    execute format('alter role %I set default_transaction_read_only to on', :'role');
  end if;
end
$do$
