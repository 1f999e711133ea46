create schema if not exists pgmq;
create function pgmq.create(queue_name text)
  returns void language plpgsql as $$ begin raise feature_not_supported using message = 'pgmq is not available in the sandbox flavour'; end $$;
create function pgmq.send(queue_name text, msg jsonb)
  returns setof bigint language plpgsql as $$ begin raise feature_not_supported using message = 'pgmq is not available in the sandbox flavour'; end $$;
