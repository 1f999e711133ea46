create schema if not exists graphql;
create function graphql.resolve(query text, variables jsonb default '{}', "operationName" text default null, extensions jsonb default null)
  returns jsonb language plpgsql as $$ begin raise feature_not_supported using message = 'pg_graphql is not available in the sandbox flavour'; end $$;
