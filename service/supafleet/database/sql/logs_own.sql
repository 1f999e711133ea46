select id::text as id, (extract(epoch from "timestamp") * 1000000)::int8 as "timestamp", event_message, body -> 'metadata' as metadata,
       body ->> 'project' as project
from _analytics.log_events
where $1::text is not null
  and ($2::text is null or starts_with(coalesce(body #>> '{metadata,request,path}', body #>> '{metadata,0,request,0,path}'), $2))
  and ($3::timestamptz is null or "timestamp" at time zone 'utc' >= $3::timestamptz)
  and ($4::timestamptz is null or "timestamp" at time zone 'utc' <= $4::timestamptz)
order by "timestamp" desc limit $5
