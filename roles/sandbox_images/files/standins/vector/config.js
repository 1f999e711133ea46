// What is read of vector.yml: api, sources of type fluent, the conditions of route and filter, which transforms lead to which
// sink, and http sinks. Programs of type remap are NOT run: events.js holds their effect for the known log sources.
// A form that is not known here stops the start, so that no line of the file is ignored unnoticed.
import { readFileSync } from "node:fs";
import { load } from "js-yaml";

/** A file that must not be run; `message` says why. */
export class ConfigError extends Error {}

const refuse = (sentence) => {
  throw new ConfigError(sentence);
};

/** Replaces ${NAME}, ${NAME:-default}, ${NAME?message} and ${NAME:?message} before the file is parsed. */
function substitute(text) {
  return text.replace(/\$\{([A-Za-z_][A-Za-z0-9_]*)(?:(:?[-?])([^}]*))?\}/g, (_, name, operator, word) => {
    const value = process.env[name];
    const missing = value === undefined || (value === "" && operator !== "?" && operator !== "-");
    if (!missing) return value;
    if (operator?.endsWith("-")) return word;
    return refuse(`${name} is missing: ${word || "the configuration needs it"}`);
  });
}

function condition(source, where) {
  const equal = /^\s*\.appname\s*==\s*"([^"]*)"\s*$/;
  const alternatives = source.split("||").map((one) => equal.exec(one)?.[1]);
  if (alternatives.every((one) => one !== undefined)) return (event) => alternatives.includes(event.appname);
  const contains = /^\s*(!?)\s*contains\(string!\(\.event_message\),\s*"([^"]*)"\)\s*$/.exec(source);
  if (contains) return (event) => event.event_message.includes(contains[2]) !== Boolean(contains[1]);
  return refuse(`${where}: this condition is not known here: ${source}`);
}

const asList = (value) => (Array.isArray(value) ? value : [value]);

function readSink(name, sink) {
  if (sink.type !== "http") refuse(`sinks.${name}: only the type http is known here`);
  if (!URL.canParse(sink.uri ?? "")) refuse(`sinks.${name}.uri must be an absolute URL`);
  if (sink.encoding?.codec !== "json") refuse(`sinks.${name}.encoding.codec must be json`);
  const url = new URL(sink.uri);
  return {
    name,
    url,
    sourceName: url.searchParams.get("source_name") ?? refuse(`sinks.${name}.uri must hold source_name`),
    headers: sink.request?.headers ?? {},
    retrySeconds: sink.request?.retry_max_duration_secs ?? 30,
  };
}

/** {health: {host, port}, listen: {host, port}, routes: [{accepts(event), sink}]} of the file at `path`. */
export function readConfig(path) {
  let file;
  try {
    file = readFileSync(path, "utf8");
  } catch (error) {
    refuse(`the configuration ${path} cannot be read: ${error.code}`);
  }
  let document;
  try {
    document = load(substitute(file));
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    refuse(`${path} is not valid YAML: ${error.message.split("\n")[0]}`);
  }
  const { api, sources = {}, transforms = {}, sinks = {} } = document ?? {};
  if (!api?.enabled) refuse("api.enabled must be true: the health check asks it");
  const address = (value, where) => {
    const match = /^(.*):(\d+)$/.exec(value ?? "") ?? refuse(`${where} must be of the form address:port`);
    return { host: match[1].replace(/^\[|\]$/g, ""), port: Number(match[2]) };
  };
  const names = Object.keys(sources);
  if (names.length !== 1 || sources[names[0]].type !== "fluent") refuse("there must be exactly one source, of type fluent");

  // the conditions on the way from the source to `input`, one list per way; the compiled graph is a tree of a few nodes
  const ways = (input, where) => {
    if (input === names[0]) return [[]];
    const [base, branch] = input.split(".");
    const transform = transforms[base] ?? refuse(`${where}: there is no source or transform "${input}"`);
    const before = asList(transform.inputs).flatMap((one) => ways(one, `transforms.${base}.inputs`));
    if (transform.type === "remap") return before;
    if (transform.type === "filter") return before.map((way) => [...way, condition(transform.condition, `transforms.${base}.condition`)]);
    if (transform.type !== "route") return refuse(`transforms.${base}: the type ${transform.type} is not known here`);
    const rule = transform.route?.[branch] ?? refuse(`${where}: the route ${base} has no branch "${branch}"`);
    return before.map((way) => [...way, condition(rule, `transforms.${base}.route.${branch}`)]);
  };
  const routes = Object.entries(sinks).map(([name, sink]) => {
    const lists = asList(sink.inputs).flatMap((input) => ways(input, `sinks.${name}.inputs`));
    return { accepts: (event) => lists.some((list) => list.every((test) => test(event))), sink: readSink(name, sink) };
  });
  if (routes.length === 0) refuse("there must be at least one sink");
  return { health: address(api.address, "api.address"), listen: address(sources[names[0]].address, `sources.${names[0]}.address`), routes };
}
