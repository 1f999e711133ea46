// Errors as GoTrue writes them: {code, error_code, msg}.
import { HttpError } from "../shared/http.js";

export class AuthError extends HttpError {
  constructor(status, errorCode, message, more = {}) {
    super(status, { code: status, error_code: errorCode, msg: message, ...more });
  }
}

/** The body for an error that some other part of the server threw. */
export function errorBody(known, original) {
  if (known instanceof AuthError) return known.body;
  const code = known.status === 404 ? "not_found" : known.status < 500 ? "validation_failed" : "unexpected_failure";
  const message = known.status < 500 ? known.message : `Unexpected failure${original?.code ? ` (${original.code})` : ""}`;
  return { code: known.status, error_code: code, msg: message };
}
