// The error bodies and statuses that PostgREST clients rely on: {code, message, details, hint}.

import { HttpError } from "../shared/http.js";

export class RequestError extends Error {
  constructor(status, code, message, details = null, hint = null) {
    super(message);
    this.status = status;
    this.body = { code, details, hint, message };
  }
}

const BY_CODE = {
  23503: 409, 23505: 409, 25006: 405, 42883: 404, "42P01": 404, "42P17": 500, P0001: 400,
  "57P01": 503, 54001: 500, 57014: 500,
};
const BY_CLASS = { "08": 503, 53: 503, 28: 403, "0L": 403, "0P": 403, 25: 500, 27: 500, "2D": 500, 38: 500, 39: 500, "3B": 500, 40: 500, 55: 500, 57: 500, 58: 500, F0: 500, HV: 500, XX: 500 };

/** Turn anything thrown while serving a request into {status, body}. */
export function describe(error, authenticated) {
  if (error instanceof RequestError) return { status: error.status, body: error.body };
  if (error instanceof HttpError) return { status: error.status, body: { code: "PGRST102", details: null, hint: null, message: error.message } };
  if (error instanceof URIError) return { status: 400, body: { code: "PGRST125", details: null, hint: null, message: "Invalid path specified in request URL" } };
  if (error instanceof TypeError || error instanceof RangeError) {
    process.stderr.write(`${error.stack}\n`);
    return { status: 500, body: { code: "PGRSTX00", details: null, hint: null, message: "Internal error" } };
  }
  // A Postgres error carries a five-character SQLSTATE; anything else means that the connection broke.
  if (typeof error.code !== "string" || !/^[0-9A-Z]{5}$/.test(error.code)) {
    const body = { code: "PGRST001", details: error.message, hint: null, message: "Database client error. Retrying the connection." };
    return { status: 503, body };
  }
  const body = { code: error.code, details: error.detail ?? null, hint: error.hint ?? null, message: error.message };
  return { status: statusOf(error, authenticated), body };
}

function statusOf(error, authenticated) {
  const { code } = error;
  if (code === "42501") return authenticated ? 403 : 401;
  if (code === "22023" && /^role .* does not exist$/.test(error.message)) return 401;
  if (/^PT\d{3}$/.test(code)) return Number(code.slice(2));
  return BY_CODE[code] ?? BY_CLASS[code.slice(0, 2)] ?? 400;
}
