// From a log line to the event that analytics stores, by the name of its source there.

const COMBINED = /^(\S+) - (\S+) \[([^\]]+)\] "(\S+) (\S+) ([^"]*)" (\d+) (\d+|-) "([^"]*)" "([^"]*)"/;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** ISO text of `22/Nov/2026:12:00:00 +0000`, or null. */
function nginxTime(text) {
  const match = /^(\d{2})\/(\w{3})\/(\d{4}):(\d{2}:\d{2}:\d{2}) ([+-]\d{2})(\d{2})$/.exec(text);
  if (!match || !MONTHS.includes(match[2])) return null;
  const month = String(MONTHS.indexOf(match[2]) + 1).padStart(2, "0");
  return new Date(`${match[3]}-${month}-${match[1]}T${match[4]}${match[5]}:${match[6]}`).toISOString();
}

function json(text) {
  try {
    const value = JSON.parse(text);
    return value !== null && typeof value === "object" ? value : null;
  } catch {
    return null;
  }
}

// null drops the event
const SHAPES = {
  "cloudflare.logs.prod"(event) {
    const match = COMBINED.exec(event.event_message);
    if (!match) return null;
    const [, client, , time, method, path, protocol, status, , referer, agent] = match;
    const request = { method, path, protocol, headers: { referer, user_agent: agent, cf_connecting_ip: client } };
    return { ...event, timestamp: nginxTime(time) ?? event.timestamp, metadata: { request, response: { status_code: Number(status) } } };
  },
  "gotrue.logs.prod"(event) {
    const parsed = json(event.event_message);
    return parsed ? { ...event, metadata: { timestamp: parsed.time, ...parsed } } : event;
  },
  "postgREST.logs.prod"(event) {
    const match = /^(.*?): (.*)$/.exec(event.event_message);
    const time = match && nginxTime(match[1]);
    return time ? { ...event, timestamp: time, event_message: match[2], metadata: { host: event.project } } : event;
  },
  "realtime.logs.prod"({ project, ...event }) {
    const match = /^\d+:\d+:\d+\.\d+ (?:\S+=\S+ )*\[(\w+)\] (.*)$/.exec(event.event_message);
    const metadata = { project, external_id: project };
    return match ? { ...event, event_message: match[2], metadata: { ...metadata, level: match[1] } } : { ...event, metadata };
  },
  "storage.logs.prod.2"({ project, ...event }) {
    const parsed = json(event.event_message);
    const metadata = { project, tenantId: project };
    if (!parsed) return { ...event, metadata };
    const context = [{ host: parsed.hostname, pid: parsed.pid }];
    return { ...event, event_message: String(parsed.msg ?? event.event_message), metadata: { ...metadata, level: parsed.level, timestamp: parsed.time, context } };
  },
  "deno-relay-logs": ({ project, ...event }) => ({ ...event, metadata: { project_ref: project } }),
  "postgres.logs"(event) {
    const level = /\b(INFO|NOTICE|WARNING|ERROR|LOG|FATAL|PANIC):/.exec(event.event_message)?.[1] ?? "LOG";
    return { ...event, metadata: { host: "db-default", parsed: { timestamp: event.timestamp, error_severity: level } } };
  },
};

/** The names of the log sources whose form is known. */
export const KNOWN_SOURCES = Object.keys(SHAPES);

/** An event of the engine's log driver: a record with log and container_name, and its time in seconds. */
export function eventOf(record, seconds) {
  const text = (value) => (value instanceof Uint8Array ? Buffer.from(value).toString("utf8") : String(value ?? ""));
  return {
    project: "default",
    event_message: text(record.log),
    appname: text(record.container_name).replace(/^\//, ""),
    timestamp: new Date(seconds * 1000).toISOString(),
  };
}

/** `event` in the form of the source, or null when it is to be dropped. */
export function shape(sourceName, event) {
  return SHAPES[sourceName](event);
}
