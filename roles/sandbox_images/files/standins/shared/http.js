// A small HTTP server: routes with :names, JSON in and out, errors as JSON.
import http from "node:http";

/** An answer other than success; `body` is sent as JSON, or {message} when it is a string. */
export class HttpError extends Error {
  constructor(status, body, headers = {}) {
    super(typeof body === "string" ? body : (body?.message ?? body?.msg ?? String(status)));
    this.status = status;
    this.body = typeof body === "string" ? { message: body } : body;
    this.headers = headers;
  }
}

export function sendJson(response, status, body, headers = {}) {
  const text = body === undefined ? "" : JSON.stringify(body);
  response.writeHead(status, { "content-type": "application/json; charset=utf-8", "content-length": Buffer.byteLength(text), ...headers });
  response.end(response.req?.method === "HEAD" ? undefined : text);
}

/** The whole body as a Buffer; 413 above `limit` bytes. */
export async function readBody(request, limit = 10 * 1024 * 1024) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > limit) throw new HttpError(413, `the body is larger than ${limit} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The body as JSON, `undefined` when it is empty; 400 when it is not JSON. */
export async function readJson(request, limit) {
  const text = (await readBody(request, limit)).toString("utf8");
  if (text.trim() === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw new HttpError(400, "the body is not valid JSON");
  }
}

/** The token of an `Authorization: Bearer` header, or null. */
export function bearer(request) {
  const match = /^Bearer\s+(\S+)$/i.exec(request.headers.authorization ?? "");
  return match ? match[1] : null;
}

function compile(pattern) {
  const names = [];
  const source = pattern
    .split("/")
    .map((part) => {
      if (part.startsWith(":")) return names.push(part.slice(1)), "([^/]+)";
      if (part.startsWith("*")) return names.push(part.slice(1) || "rest"), "(.*)";
      return part.replace(/[.+?^${}()|[\]\\]/g, "\\$&");
    })
    .join("/");
  return { expression: new RegExp(`^${source}$`), names };
}

/**
 * Routes by method and pattern (`/object/:bucket/*path`); the first match in order of registration wins.
 *
 * A handler gets {request, response, url, query (URLSearchParams), params}. What it returns is sent as JSON with 200;
 * when it returns undefined it has answered by itself. `errorBody(error)` may shape errors as the official service does.
 * HEAD is answered by the GET route. `server` is a plain node http.Server, for upgrades and close.
 */
export class App {
  constructor({ errorBody, onRequest } = {}) {
    this.routes = [];
    this.errorBody = errorBody ?? ((error) => error.body);
    this.onRequest = onRequest;
    this.server = http.createServer((request, response) => this.#handle(request, response));
    this.server.keepAliveTimeout = 65_000;
  }

  on(methods, pattern, handler) {
    for (const method of [methods].flat()) this.routes.push({ method, handler, ...compile(pattern) });
    return this;
  }

  listen(port, host = "0.0.0.0") {
    return new Promise((resolve, reject) => this.server.once("error", reject).listen(port, host, resolve));
  }

  close() {
    this.server.closeIdleConnections();
    setTimeout(() => this.server.closeAllConnections(), 2000).unref();
    return new Promise((resolve) => this.server.close(resolve));
  }

  async #handle(request, response) {
    try {
      const url = new URL(request.url, "http://service.invalid");
      if (this.onRequest && (await this.onRequest({ request, response, url })) === true) return;
      const method = request.method === "HEAD" ? "GET" : request.method;
      let known = false;
      for (const route of this.routes) {
        const match = route.expression.exec(url.pathname);
        if (!match) continue;
        known = true;
        if (route.method !== method && route.method !== "*") continue;
        const params = Object.fromEntries(route.names.map((name, index) => [name, decodeURIComponent(match[index + 1])]));
        const result = await route.handler({ request, response, url, query: url.searchParams, params });
        if (result !== undefined) sendJson(response, 200, result);
        return;
      }
      throw known ? new HttpError(405, "method not allowed") : new HttpError(404, "not found");
    } catch (error) {
      this.#answerError(response, error);
    }
  }

  #answerError(response, error) {
    const known = error instanceof HttpError ? error : new HttpError(error instanceof URIError ? 400 : 500, "internal error");
    if (known !== error) process.stderr.write(`${error.stack ?? error}\n`);
    if (response.headersSent) response.destroy();
    else sendJson(response, known.status, this.errorBody(known, error), known.headers);
  }
}
