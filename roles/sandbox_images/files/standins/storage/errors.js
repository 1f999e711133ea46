// Errors as the Storage API writes them: the status that counts stands in the body, HTTP says 400 or 500.
import { HttpError } from "../shared/http.js";

export class StorageError extends HttpError {
  constructor(statusCode, error, message) {
    super(statusCode >= 500 ? statusCode : 400, { statusCode: String(statusCode), error, message });
  }
}

export const noBucket = () => new StorageError(404, "Bucket not found", "Bucket not found");
export const noObject = () => new StorageError(404, "not_found", "Object not found");
export const badRequest = (message) => new StorageError(400, "InvalidRequest", message);

/** What a Postgres error means to a client of the Storage API. */
export function fromDatabase(error) {
  if (error instanceof HttpError || typeof error.code !== "string") return error;
  if (error.code === "42501") return new StorageError(403, "Unauthorized", error.message);
  if (error.code === "23505") return new StorageError(409, "Duplicate", "The resource already exists");
  if (error.code === "23503") return noBucket();
  return new StorageError(500, "DatabaseError", `${error.message} (${error.code})`);
}

/** Errors that some other part of the server threw. */
export function errorBody(known) {
  if (known instanceof StorageError) return known.body;
  return { statusCode: String(known.status), error: known.status === 404 ? "not_found" : "InvalidRequest", message: known.message };
}
