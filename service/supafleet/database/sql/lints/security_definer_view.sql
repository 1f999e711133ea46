select format('View `%s.%s` is defined with the SECURITY DEFINER property', nspname, relname) as detail,
       jsonb_build_object('schema', nspname, 'name', relname, 'type', 'view') as metadata,
       format('%s_%s', nspname, relname) as subject
from relations
where relkind = 'v' and in_api and is_granted
  and not exists (select from pg_options_to_table(reloptions) where option_name = 'security_invoker' and option_value::boolean)
