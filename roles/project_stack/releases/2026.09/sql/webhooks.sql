-- Database webhooks: what Studio's page of that name needs. A trigger calls supabase_functions.http_request, which sends the
-- row through pg_net and notes the request.
BEGIN;

-- An administrator of earlier versions; the roles below replace it.
DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'supabase_pg_net_admin') THEN
    REASSIGN OWNED BY supabase_pg_net_admin TO supabase_admin;
    DROP OWNED BY supabase_pg_net_admin;
    DROP ROLE supabase_pg_net_admin;
  END IF;
END
$$;

DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'supabase_functions_admin') THEN
    CREATE ROLE supabase_functions_admin NOINHERIT CREATEROLE LOGIN NOREPLICATION;
  END IF;
END
$$;
GRANT supabase_functions_admin TO postgres;

CREATE SCHEMA supabase_functions AUTHORIZATION supabase_admin;
GRANT USAGE ON SCHEMA supabase_functions TO postgres, anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES IN SCHEMA supabase_functions GRANT ALL ON TABLES TO postgres, anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES IN SCHEMA supabase_functions GRANT ALL ON SEQUENCES TO postgres, anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES IN SCHEMA supabase_functions GRANT ALL ON FUNCTIONS TO postgres, anon, authenticated, service_role;

CREATE TABLE supabase_functions.migrations (
  version text PRIMARY KEY,
  inserted_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE supabase_functions.hooks (
  id bigserial PRIMARY KEY,
  hook_table_id integer NOT NULL,
  hook_name text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  request_id bigint
);
CREATE INDEX supabase_functions_hooks_request_id_idx ON supabase_functions.hooks (request_id);
CREATE INDEX supabase_functions_hooks_h_table_id_h_name_idx ON supabase_functions.hooks (hook_table_id, hook_name);
COMMENT ON TABLE supabase_functions.hooks IS 'Requests that database webhooks have sent.';

-- Arguments of the trigger: url, method, headers, params, timeout in milliseconds. Studio writes a missing one as the word null.
CREATE FUNCTION supabase_functions.http_request() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = supabase_functions
AS $$
DECLARE
  url text := nullif(TG_ARGV[0], 'null');
  method text := nullif(TG_ARGV[1], 'null');
  headers jsonb := coalesce(nullif(TG_ARGV[2], 'null')::jsonb, '{"Content-Type": "application/json"}');
  params jsonb := coalesce(nullif(TG_ARGV[3], 'null')::jsonb, '{}');
  timeout_ms integer := coalesce(nullif(TG_ARGV[4], 'null')::integer, 1000);
  sent_request_id bigint;
BEGIN
  IF url IS NULL THEN
    RAISE EXCEPTION 'the webhook % has no url', TG_NAME;
  END IF;
  IF method IS NULL THEN
    RAISE EXCEPTION 'the webhook % has no method', TG_NAME;
  END IF;

  CASE method
    WHEN 'GET' THEN
      SELECT net.http_get(url := url, params := params, headers := headers, timeout_milliseconds := timeout_ms)
        INTO sent_request_id;
    WHEN 'POST' THEN
      SELECT net.http_post(
          url := url,
          body := jsonb_build_object(
            'old_record', OLD,
            'record', NEW,
            'type', TG_OP,
            'table', TG_TABLE_NAME,
            'schema', TG_TABLE_SCHEMA
          ),
          params := params,
          headers := headers,
          timeout_milliseconds := timeout_ms
        )
        INTO sent_request_id;
    ELSE
      RAISE EXCEPTION 'the webhook % has the method %, which is neither GET nor POST', TG_NAME, method;
  END CASE;

  INSERT INTO supabase_functions.hooks (hook_table_id, hook_name, request_id)
  VALUES (TG_RELID, TG_NAME, sent_request_id);
  RETURN NEW;
END
$$;

ALTER ROLE supabase_functions_admin SET search_path = supabase_functions;
ALTER TABLE supabase_functions.migrations OWNER TO supabase_functions_admin;
ALTER TABLE supabase_functions.hooks OWNER TO supabase_functions_admin;
GRANT CREATE, USAGE ON SCHEMA supabase_functions TO supabase_functions_admin;
ALTER FUNCTION supabase_functions.http_request() OWNER TO supabase_functions_admin;
REVOKE ALL ON FUNCTION supabase_functions.http_request() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION supabase_functions.http_request() TO postgres, anon, authenticated, service_role;

-- The functions of pg_net run with their owner's rights, on a fixed search path, for named roles only, whenever the extension is created.
-- They are looked up, because their arguments differ between versions of the extension.
CREATE OR REPLACE FUNCTION extensions.grant_pg_net_access() RETURNS event_trigger
LANGUAGE plpgsql
AS $$
DECLARE
  signature regprocedure;
BEGIN
  IF NOT EXISTS (
    SELECT FROM pg_event_trigger_ddl_commands() command
    JOIN pg_extension extension ON extension.oid = command.objid
    WHERE extension.extname = 'pg_net'
  ) THEN
    RETURN;
  END IF;

  GRANT USAGE ON SCHEMA net TO supabase_functions_admin, postgres, anon, authenticated, service_role;
  FOR signature IN
    SELECT p.oid::regprocedure
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname = 'net' AND p.proname IN ('http_get', 'http_post')
  LOOP
    EXECUTE format('ALTER FUNCTION %s SECURITY DEFINER SET search_path = net', signature);
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', signature);
    EXECUTE format(
      'GRANT EXECUTE ON FUNCTION %s TO supabase_functions_admin, postgres, anon, authenticated, service_role', signature
    );
  END LOOP;
END
$$;
COMMENT ON FUNCTION extensions.grant_pg_net_access() IS 'Gives the roles of the project access to pg_net.';

DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_event_trigger WHERE evtname = 'issue_pg_net_access') THEN
    CREATE EVENT TRIGGER issue_pg_net_access ON ddl_command_end
      WHEN TAG IN ('CREATE EXTENSION')
      EXECUTE FUNCTION extensions.grant_pg_net_access();
  END IF;
END
$$;

CREATE EXTENSION IF NOT EXISTS pg_net SCHEMA extensions;

INSERT INTO supabase_functions.migrations (version) VALUES ('initial'), ('20210809183423_update_grants');

COMMIT;
