select case
         when to_regclass('_analytics.log_events_' || replace(token::text, '-', '_')) is not null then 'log_events_' || replace(token::text, '-', '_')
         when to_regclass('_analytics.log_events') is not null then 'log_events'
       end as name
from _analytics.sources where name = $1
