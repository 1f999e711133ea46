// The plugins. `build(config)` returns {access(exchange)} and/or {response(exchange, headers)}.
// An exchange is {request, url, headers (lower case), query, clientAddress, consumer, credential, keys, logins}.
import { timingSafeEqual } from "node:crypto";
import { BlockList, isIP } from "node:net";
import { compileFunction, compileTemplate } from "./lua.js";

/** Ends the request in the gateway itself. */
export class Answer extends Error {
  constructor(status, body, headers = {}) {
    super(typeof body === "string" ? body : "answered");
    this.status = status;
    this.body = typeof body === "string" ? { message: body } : body;
    this.headers = headers;
  }
}

function same(given, expected) {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function identify(exchange, consumer, credential) {
  exchange.consumer = consumer;
  exchange.credential = credential;
  exchange.headers["x-consumer-username"] = consumer.username;
  exchange.headers["x-credential-identifier"] = credential;
}

function buildCors(config) {
  const origins = config.origins ?? ["*"];
  const methods = config.methods ?? ["GET", "HEAD", "PUT", "PATCH", "POST", "DELETE", "OPTIONS", "TRACE", "CONNECT"];
  const allowed = (exchange) => {
    if (origins.includes("*")) return config.credentials ? (exchange.request.headers.origin ?? "*") : "*";
    return origins.includes(exchange.request.headers.origin) ? exchange.request.headers.origin : null;
  };
  const common = (exchange) => {
    const origin = allowed(exchange);
    if (origin === null) return { vary: "Origin" };
    return {
      "access-control-allow-origin": origin,
      ...(origin === "*" ? {} : { vary: "Origin" }),
      ...(config.credentials ? { "access-control-allow-credentials": "true" } : {}),
    };
  };
  return {
    access(exchange) {
      const { method, headers } = exchange.request;
      if (method !== "OPTIONS" || !headers.origin || !headers["access-control-request-method"] || config.preflight_continue) return;
      throw new Answer(200, undefined, {
        ...common(exchange),
        "access-control-allow-methods": methods.join(","),
        ...(config.headers || headers["access-control-request-headers"]
          ? { "access-control-allow-headers": config.headers?.join(",") ?? headers["access-control-request-headers"] }
          : {}),
        ...(config.max_age === undefined ? {} : { "access-control-max-age": String(config.max_age) }),
      });
    },
    response(exchange, headers) {
      Object.assign(headers, common(exchange));
      if (config.exposed_headers) headers["access-control-expose-headers"] = config.exposed_headers.join(",");
    },
  };
}

function buildKeyAuth(config) {
  const names = config.key_names ?? ["apikey"];
  return {
    access(exchange) {
      if (exchange.request.method === "OPTIONS" && config.run_on_preflight === false) return;
      const name = names.find((one) => exchange.headers[one.toLowerCase()] || exchange.query.get(one));
      if (!name) throw new Answer(401, "No API key found in request", { "www-authenticate": "Key" });
      if (exchange.query.getAll(name).length > 1) throw new Answer(401, "Duplicate API key found", { "www-authenticate": "Key" });
      const consumer = exchange.keys.get(exchange.headers[name.toLowerCase()] || exchange.query.get(name));
      if (!consumer) throw new Answer(401, "Unauthorized", { "www-authenticate": "Key" });
      if (config.hide_credentials) {
        delete exchange.headers[name.toLowerCase()];
        exchange.query.delete(name);
      }
      identify(exchange, consumer, consumer.username);
    },
  };
}

function buildBasicAuth(config) {
  return {
    access(exchange) {
      const refusal = new Answer(401, "Unauthorized", { "www-authenticate": `Basic realm="${config.realm ?? "service"}"` });
      const match = /^basic\s+(\S+)$/i.exec(exchange.headers.authorization ?? "");
      if (!match) throw refusal;
      const [, username, password] = /^([^:]*):?(.*)$/s.exec(Buffer.from(match[1], "base64").toString("utf8"));
      const login = exchange.logins.get(username);
      if (!login || !same(password, login.password)) throw refusal;
      if (config.hide_credentials) delete exchange.headers.authorization;
      identify(exchange, login.consumer, username);
    },
  };
}

function buildAcl(config) {
  if (!config.allow === !config.deny) throw new Error("config must have either allow or deny");
  return {
    access(exchange) {
      if (!exchange.consumer) throw new Answer(401, "Unauthorized");
      const member = (config.allow ?? config.deny).some((group) => exchange.consumer.groups.has(group));
      if (member !== Boolean(config.allow)) throw new Answer(403, "You cannot consume this service");
      if (!config.hide_groups_header) exchange.headers["x-consumer-groups"] = [...exchange.consumer.groups].join(", ");
    },
  };
}

function addressList(entries) {
  const addresses = new BlockList();
  for (const entry of entries) {
    const [address, bits] = entry.split("/");
    const family = isIP(address) === 6 ? "ipv6" : "ipv4";
    if (!isIP(address)) throw new Error(`"${entry}" is not an address or a range`);
    addresses.addSubnet(address, bits === undefined ? (family === "ipv6" ? 128 : 32) : Number(bits), family);
  }
  return (address) => addresses.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
}

function buildIpRestriction(config) {
  const [allow, deny] = [config.allow ?? [], config.deny ?? []];
  if (allow.length + deny.length === 0) throw new Error("config must have addresses in allow or deny");
  const [allowed, denied] = [addressList(allow), addressList(deny)];
  return {
    access(exchange) {
      if (denied(exchange.clientAddress) || (allow.length > 0 && !allowed(exchange.clientAddress))) {
        throw new Answer(config.status ?? 403, config.message ?? `IP address not allowed: ${exchange.clientAddress}`);
      }
    },
  };
}

function buildRequestTermination(config) {
  const status = config.status_code ?? 503;
  const body = config.body ?? { message: config.message ?? "Service unavailable" };
  return {
    access() {
      const answer = new Answer(status, "", config.content_type ? { "content-type": config.content_type } : {});
      answer.body = body;
      throw answer;
    },
  };
}

const ACTIONS = ["remove", "replace", "add", "append"];

function rules(config, action, kind) {
  return (config[action]?.[kind] ?? []).map((entry) => {
    if (action === "remove") return { name: entry.trim() };
    const [, name, value] = /^([^:]+):?(.*)$/s.exec(entry) ?? [];
    if (!name) throw new Error(`config.${action}.${kind}: "${entry}" must be of the form name:value`);
    return { name: name.trim(), render: compileTemplate(value.trim()) };
  });
}

function buildRequestTransformer(config) {
  for (const action of Object.keys(config)) {
    for (const kind of Object.keys(config[action] ?? {})) {
      if (!["headers", "querystring"].includes(kind)) throw new Error(`config.${action}.${kind} is not known here; allowed are headers, querystring`);
    }
  }
  const steps = ACTIONS.map((action) => [action, rules(config, action, "headers"), rules(config, action, "querystring")]);
  return {
    access(exchange) {
      const scope = { headers: { ...exchange.headers }, query_params: Object.fromEntries(exchange.query) };
      for (const [action, headers, querystring] of steps) {
        for (const { name, render } of headers) {
          const key = name.toLowerCase();
          const present = exchange.headers[key] !== undefined;
          if (action === "remove") delete exchange.headers[key];
          else if (action === "append") exchange.headers[key] = present ? `${exchange.headers[key]}, ${render(scope)}` : render(scope);
          else if (present === (action === "replace")) exchange.headers[key] = render(scope);
        }
        for (const { name, render } of querystring) {
          if (action === "remove") exchange.query.delete(name);
          else if (action === "append") exchange.query.append(name, render(scope));
          else if (exchange.query.has(name) === (action === "replace")) exchange.query.set(name, render(scope));
        }
      }
    },
  };
}

function buildPostFunction(config) {
  const chunks = (config.access ?? []).map((source) => compileFunction(source));
  return {
    access(exchange) {
      // what the functions of a file may use; calling anything else is an error of the file and answers 500
      const kong = {
        request: {
          get_header: (name) => exchange.headers[name.toLowerCase()],
          get_query_arg: (name) => exchange.query.get(name) ?? undefined,
          get_method: () => exchange.request.method,
          get_path: () => exchange.url.pathname,
        },
        service: {
          request: {
            set_header: (name, value) => void (exchange.headers[name.toLowerCase()] = value),
            clear_header: (name) => void delete exchange.headers[name.toLowerCase()],
          },
        },
      };
      for (const run of chunks) run(kong);
    },
  };
}

/** By name: the real plugin's priority, the fields of its config that are enforced here, and its builder. */
export const PLUGINS = {
  cors: {
    priority: 2000,
    fields: ["origins", "methods", "headers", "exposed_headers", "credentials", "max_age", "preflight_continue"],
    build: buildCors,
  },
  "key-auth": { priority: 1250, fields: ["key_names", "hide_credentials", "run_on_preflight"], build: buildKeyAuth },
  "basic-auth": { priority: 1100, fields: ["hide_credentials", "realm"], build: buildBasicAuth },
  "ip-restriction": { priority: 990, fields: ["allow", "deny", "status", "message"], build: buildIpRestriction },
  acl: { priority: 950, fields: ["allow", "deny", "hide_groups_header"], build: buildAcl },
  "request-transformer": { priority: 801, fields: ACTIONS, build: buildRequestTransformer },
  "request-termination": { priority: 2, fields: ["status_code", "message", "body", "content_type"], build: buildRequestTermination },
  "post-function": { priority: -1000, fields: ["access"], build: buildPostFunction },
};
