// One request through the gateway: find the route, run its plugins, pass it on, answer for an upstream that cannot.
import http from "node:http";
import { randomUUID } from "node:crypto";
import { Answer } from "./plugins.js";
import { findRoute, upstreamPath } from "./router.js";

const VERSION = "kong/3.9.3";
const HOP_BY_HOP = ["connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"];
// a client must not be able to claim what only the gateway may say
const OWN = ["x-consumer-username", "x-consumer-id", "x-consumer-groups", "x-credential-identifier", "x-forwarded-prefix", "x-forwarded-path"];

function forwarded(exchange, found, port) {
  const { request, clientAddress, headers } = exchange;
  const before = request.headers["x-forwarded-for"];
  headers["x-real-ip"] = clientAddress;
  headers["x-forwarded-for"] = before ? `${before}, ${clientAddress}` : clientAddress;
  headers["x-forwarded-proto"] = request.socket.encrypted ? "https" : "http";
  headers["x-forwarded-host"] = (request.headers.host ?? "").replace(/:\d+$/, "");
  headers["x-forwarded-port"] = String(port);
  headers["x-forwarded-path"] = exchange.url.pathname;
  if (found.route.stripPath && found.prefix !== "/") headers["x-forwarded-prefix"] = found.prefix.replace(/\/$/, "");
  if (!found.route.preserveHost) headers.host = found.route.service.authority;
}

/** The route and the exchange after all plugins; throws Answer when the gateway answers by itself. */
function admit(gateway, request) {
  const url = new URL(request.url.replace(/^\/{2,}/, "/"), "http://gateway.invalid");
  const found = findRoute(gateway.routes, url.pathname, request.method);
  if (!found) throw new Answer(404, "no Route matched with those values");
  const headers = { ...request.headers };
  for (const name of [...HOP_BY_HOP, ...OWN]) delete headers[name];
  const clientAddress = request.socket.remoteAddress.replace(/^::ffff:/, "");
  const exchange = { request, url, headers, query: new URLSearchParams(url.search), clientAddress, keys: gateway.keys, logins: gateway.logins };
  exchange.responders = found.route.plugins.filter((plugin) => plugin.response);
  try {
    for (const plugin of found.route.plugins) plugin.access?.(exchange);
  } catch (error) {
    error.exchange = exchange;
    throw error;
  }
  forwarded(exchange, found, gateway.port);
  const query = exchange.query.toString();
  // an untouched query string goes on byte for byte: signatures may depend on its spelling
  const search = query === new URLSearchParams(url.search).toString() ? url.search : `?${query}`;
  return { exchange, service: found.route.service, path: upstreamPath(found.route, found.prefix, url.pathname) + (search === "?" ? "" : search) };
}

function decorate(exchange, headers) {
  for (const plugin of exchange?.responders ?? []) plugin.response(exchange, headers);
  return headers;
}

/** The gateway's own answer to `error`, in the words of the real one. */
function describe(error) {
  if (error instanceof Answer) return error;
  const unreachable = { ENOTFOUND: [503, "name resolution failed"], EAI_AGAIN: [503, "name resolution failed"], ETIMEDOUT: [504, "The upstream server is timing out"] };
  const [status, message] = unreachable[error.code] ?? (error.syscall || error.code ? [502, "An invalid response was received from the upstream server"] : [500, "An unexpected error occurred"]);
  process.stderr.write(`kong: ${error.message}\n`);
  return new Answer(status, message);
}

function ownAnswer(error) {
  const answer = describe(error);
  const id = randomUUID().replaceAll("-", "");
  const body = answer.body === undefined ? "" : typeof answer.body === "string" ? answer.body : JSON.stringify({ ...answer.body, request_id: id });
  const headers = { "content-type": "application/json; charset=utf-8", "content-length": Buffer.byteLength(body), server: VERSION, "x-kong-request-id": id };
  return { status: answer.status, body, headers: decorate(error.exchange, { ...headers, ...answer.headers }) };
}

function connect(gateway, request) {
  const { exchange, service, path } = admit(gateway, request);
  // no kept-alive connections: the name is resolved for each request, so a recreated container is found at once
  const upstream = http.request({ host: service.host, port: service.port, method: request.method, path, headers: exchange.headers, agent: false, timeout: service.connectTimeout });
  upstream.on("socket", (socket) => socket.once("connect", () => upstream.setTimeout(service.readTimeout)));
  upstream.on("timeout", () => upstream.destroy(Object.assign(new Error(`${service.name} does not answer`), { code: "ETIMEDOUT" })));
  upstream.on("error", (error) => (error.exchange = exchange));
  return { exchange, upstream };
}

/** Handles one plain request. */
export function handle(gateway, request, response) {
  const fail = (error) => {
    if (response.headersSent) return response.destroy();
    const { status, body, headers } = ownAnswer(error);
    response.writeHead(status, headers);
    response.end(request.method === "HEAD" ? undefined : body);
    request.resume();
  };
  try {
    const { exchange, upstream } = connect(gateway, request);
    upstream.on("error", fail);
    upstream.on("response", (answer) => {
      const headers = { ...answer.headers, via: `1.1 ${VERSION}` };
      for (const name of HOP_BY_HOP) delete headers[name];
      response.writeHead(answer.statusCode, decorate(exchange, headers));
      answer.on("error", () => response.destroy());
      answer.pipe(response);
    });
    response.on("close", () => upstream.destroy());
    request.on("error", () => upstream.destroy());
    request.pipe(upstream);
  } catch (error) {
    fail(error);
  }
}

const statusLines = (status, headers) =>
  `HTTP/1.1 ${status} ${http.STATUS_CODES[status]}\r\n${Object.entries(headers).flatMap(([name, value]) => [value].flat().map((one) => `${name}: ${one}\r\n`)).join("")}\r\n`;

/** Handles a request to change the protocol: a websocket is passed through byte by byte once both sides agree. */
export function handleUpgrade(gateway, request, socket, head, done) {
  const fail = (error) => {
    const { status, body, headers } = ownAnswer(error);
    done(status, body.length);
    socket.end(statusLines(status, { ...headers, connection: "close" }) + body);
  };
  socket.on("error", () => socket.destroy());
  try {
    const { exchange, upstream } = connect(gateway, request);
    upstream.setHeader("connection", "Upgrade");
    upstream.setHeader("upgrade", request.headers.upgrade);
    upstream.on("error", fail);
    upstream.on("response", (answer) => {
      const headers = { ...answer.headers, connection: "close" };
      delete headers["transfer-encoding"];
      done(answer.statusCode, 0);
      socket.write(statusLines(answer.statusCode, decorate(exchange, headers)));
      answer.pipe(socket);
    });
    upstream.on("upgrade", (answer, peer, first) => {
      peer.setTimeout(0);
      socket.write(statusLines(101, { ...answer.headers, connection: "Upgrade", upgrade: answer.headers.upgrade }));
      if (first.length) socket.write(first);
      if (head.length) peer.write(head);
      peer.on("error", () => socket.destroy()).on("close", () => socket.destroy());
      socket.on("close", () => {
        peer.destroy();
        done(101, socket.bytesWritten);
      });
      peer.pipe(socket).pipe(peer);
    });
    socket.on("close", () => upstream.destroy());
    upstream.end();
  } catch (error) {
    fail(error);
  }
}
