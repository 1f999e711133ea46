create function json_matches_schema(schema json, instance json)
  returns boolean language plpgsql as $$ begin raise feature_not_supported using message = 'pg_jsonschema is not available in the sandbox flavour'; end $$;
create function jsonb_matches_schema(schema json, instance jsonb)
  returns boolean language plpgsql as $$ begin raise feature_not_supported using message = 'pg_jsonschema is not available in the sandbox flavour'; end $$;
