create function sign(payload json, secret text, algorithm text default 'HS256')
  returns text language plpgsql as $$ begin raise feature_not_supported using message = 'pgjwt is not available in the sandbox flavour'; end $$;
create function verify(token text, secret text, algorithm text default 'HS256')
  returns table (header json, payload json, valid boolean)
  language plpgsql as $$ begin raise feature_not_supported using message = 'pgjwt is not available in the sandbox flavour'; end $$;
