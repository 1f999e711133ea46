select id::text as id, (extract(epoch from "timestamp") * 1000000)::int8 as "timestamp", event_message, metadata, metadata ->> 'project' as project
from _analytics.log_events
where source = $1 and ($2::text is null or starts_with(metadata #>> '{request,path}', $2))
  and ($3::timestamptz is null or "timestamp" >= $3) and ($4::timestamptz is null or "timestamp" <= $4)
order by "timestamp" desc limit $5
