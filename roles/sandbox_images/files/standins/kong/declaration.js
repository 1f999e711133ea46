// Reads the declarative file and refuses whatever this gateway would not enforce: an ignored rule is a hole.
import { readFileSync } from "node:fs";
import { load } from "js-yaml";
import { compileExpression } from "./router.js";
import { PLUGINS } from "./plugins.js";

/** A file that must not be served; `message` is the sentence that says where and why. */
export class DeclarationError extends Error {}

const TOP = ["_format_version", "_transform", "consumers", "services", "acls", "basicauth_credentials", "keyauth_credentials"];
const CONSUMER = ["username", "custom_id", "acls", "basicauth_credentials", "keyauth_credentials"];
const CREDENTIALS = { acls: ["group"], basicauth_credentials: ["username", "password"], keyauth_credentials: ["key"] };
const SERVICE = ["name", "url", "protocol", "connect_timeout", "read_timeout", "write_timeout", "routes", "plugins"];
const ROUTE = ["name", "paths", "expression", "methods", "strip_path", "preserve_host", "plugins"];
const PLUGIN = ["name", "config", "enabled"];

function refuse(sentence) {
  throw new DeclarationError(sentence);
}

function check(value, allowed, where) {
  if (value === null || typeof value !== "object" || Array.isArray(value)) refuse(`${where} must be a mapping`);
  for (const name of Object.keys(value)) {
    if (!allowed.includes(name)) refuse(`${where}: unknown field "${name}"; allowed are ${allowed.join(", ")}`);
  }
  return value;
}

function list(value, where) {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) refuse(`${where} must be a list`);
  return value;
}

function text(value, where) {
  if (typeof value !== "string" || value === "") refuse(`${where} must be a text that is not empty`);
  return value;
}

function readConsumers(document) {
  const consumers = new Map();
  const keys = new Map();
  const logins = new Map();
  const take = {
    acls: (consumer, one) => consumer.groups.add(one.group),
    keyauth_credentials: (consumer, one) => keys.set(one.key, consumer),
    basicauth_credentials: (consumer, one) => logins.set(one.username, { consumer, password: one.password }),
  };
  const credential = (kind, consumer, one, where) => {
    for (const field of CREDENTIALS[kind]) text(one[field], `${where}.${field}`);
    if (kind === "keyauth_credentials" && keys.has(one.key)) refuse(`${where}.key: two consumers have this key`);
    take[kind](consumer, one);
  };
  for (const [index, entry] of list(document.consumers, "consumers").entries()) {
    const where = `consumers[${index}]`;
    check(entry, CONSUMER, where);
    const consumer = { username: text(entry.username, `${where}.username`), groups: new Set() };
    consumers.set(consumer.username, consumer);
    for (const kind of Object.keys(CREDENTIALS)) {
      for (const [position, one] of list(entry[kind], `${where}.${kind}`).entries()) {
        credential(kind, consumer, check(one, CREDENTIALS[kind], `${where}.${kind}[${position}]`), `${where}.${kind}[${position}]`);
      }
    }
  }
  for (const kind of Object.keys(CREDENTIALS)) {
    for (const [position, one] of list(document[kind], kind).entries()) {
      const where = `${kind}[${position}]`;
      check(one, ["consumer", ...CREDENTIALS[kind]], where);
      const consumer = consumers.get(one.consumer) ?? refuse(`${where}.consumer: there is no consumer "${one.consumer}"`);
      credential(kind, consumer, one, where);
    }
  }
  return { keys, logins };
}

function readPlugins(entries, where, enabled) {
  const plugins = [];
  for (const [index, entry] of list(entries, where).entries()) {
    const place = `${where}[${index}]`;
    check(entry, PLUGIN, place);
    const kind = PLUGINS[text(entry.name, `${place}.name`)] ?? refuse(`${place}: unknown plugin "${entry.name}"`);
    if (!enabled.has(entry.name)) refuse(`${place}: plugin "${entry.name}" is not enabled in KONG_PLUGINS`);
    const config = check(entry.config ?? {}, kind.fields, `${place}.config (${entry.name})`);
    if (entry.enabled === false) continue;
    try {
      plugins.push({ name: entry.name, priority: kind.priority, ...kind.build(config) });
    } catch (error) {
      refuse(`${place} (${entry.name}): ${error.message}`);
    }
  }
  return plugins;
}

function readRoute(entry, where, service, enabled, flavour) {
  check(entry, ROUTE, where);
  const plugins = readPlugins(entry.plugins, `${where}.plugins`, enabled);
  // a route's plugin takes the place of the service's plugin of the same name
  const own = new Set(plugins.map((plugin) => plugin.name));
  const all = [...service.plugins.filter((plugin) => !own.has(plugin.name)), ...plugins];
  const route = {
    name: entry.name ?? service.name,
    service,
    plugins: all.sort((a, b) => b.priority - a.priority),
    methods: entry.methods ? new Set(entry.methods) : null,
    stripPath: entry.strip_path ?? true,
    preserveHost: entry.preserve_host ?? false,
  };
  if (entry.expression !== undefined) {
    if (flavour !== "expressions") refuse(`${where}.expression needs KONG_ROUTER_FLAVOR=expressions`);
    if (entry.paths) refuse(`${where} must have either paths or expression, not both`);
    try {
      return [{ ...route, match: compileExpression(text(entry.expression, `${where}.expression`)), order: Infinity }];
    } catch (error) {
      refuse(`${where}.expression: ${error.message}`);
    }
  }
  const paths = list(entry.paths, `${where}.paths`);
  if (paths.length === 0) refuse(`${where} must have paths or an expression`);
  return paths.map((path) => {
    if (!text(path, `${where}.paths`).startsWith("/")) refuse(`${where}.paths: "${path}" must start with a slash (patterns are not known here)`);
    return { ...route, match: (pathname) => (pathname.startsWith(path) ? path : null), order: path.length };
  });
}

function readService(entry, index, enabled, flavour) {
  const where = `services[${index}]`;
  check(entry, SERVICE, where);
  if (!URL.canParse(entry.url ?? "")) refuse(`${where}.url must be an absolute URL`);
  const url = new URL(entry.url);
  if (url.protocol !== "http:") refuse(`${where}.url: only http upstreams are known here`);
  const service = {
    name: text(entry.name, `${where}.name`),
    host: url.hostname,
    port: Number(url.port || 80),
    authority: url.host,
    path: url.pathname,
    connectTimeout: entry.connect_timeout ?? 60_000,
    readTimeout: entry.read_timeout ?? 60_000,
    plugins: readPlugins(entry.plugins, `${where}.plugins`, enabled),
  };
  const routes = list(entry.routes, `${where}.routes`);
  return routes.flatMap((route, position) => readRoute(route, `${where}.routes[${position}]`, service, enabled, flavour));
}

/** The routes in order of precedence and the credentials of the file at `path`. */
export function readDeclaration(path, { plugins, flavour }) {
  let document;
  try {
    document = load(readFileSync(path, "utf8"));
  } catch (error) {
    refuse(`${path} cannot be read as YAML: ${error.message.split("\n")[0]}`);
  }
  check(document, TOP, path);
  if (!["1.1", "2.1", "3.0"].includes(document._format_version)) refuse(`${path}: _format_version must be "1.1", "2.1" or "3.0"`);
  const bundled = plugins === "bundled" ? Object.keys(PLUGINS) : plugins.split(",").map((name) => name.trim()).filter(Boolean);
  for (const name of bundled) if (!PLUGINS[name]) refuse(`KONG_PLUGINS names the unknown plugin "${name}"`);
  const services = list(document.services, "services");
  const routes = services.flatMap((entry, index) => readService(entry, index, new Set(bundled), flavour));
  // exact expressions win over prefixes, a longer prefix over a shorter one
  return { routes: routes.sort((a, b) => b.order - a.order), ...readConsumers(document) };
}
