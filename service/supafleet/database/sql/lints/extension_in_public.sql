select format('Extension `%s` is installed in the public schema. Move it to another schema.', extname) as detail,
       jsonb_build_object('schema', 'public', 'name', extname::text, 'type', 'extension') as metadata,
       extname::text as subject
from pg_extension where extnamespace = to_regnamespace('public')
