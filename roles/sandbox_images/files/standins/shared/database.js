// A connection pool under the service's own role, and the wait for the database at start.
import pg from "pg";
import { fail, log } from "./process.js";

const RETRY_FOR_MS = 30_000;
// 28P01 and 28000: wrong password or role; 3D000: no such database. Waiting does not cure these.
const HOPELESS = new Set(["28P01", "28000", "3D000"]);

/** A pool from a URL or from {host, port, database, user, password}; `options` are those of pg.Pool. */
export function openPool(target, options = {}) {
  const connection = typeof target === "string" ? { connectionString: target } : target;
  const pool = new pg.Pool({ max: 5, connectionTimeoutMillis: 3000, idleTimeoutMillis: 30_000, ...connection, ...options });
  // an idle connection that breaks (database restarted) must not end the program
  pool.on("error", (error) => log("warning", `database connection lost: ${error.message}`));
  return pool;
}

/**
 * Proves the login with one query before the service says it is up. A database that is still starting is waited for;
 * a refused login, a missing database or thirty seconds without answer end the program with one sentence.
 */
export async function requireDatabase(service, pool, statement = "select 1") {
  const deadline = Date.now() + RETRY_FOR_MS;
  for (;;) {
    try {
      return await pool.query(statement);
    } catch (error) {
      if (HOPELESS.has(error.code)) fail(service, `the database refuses the login: ${error.message}`);
      if (Date.now() > deadline) fail(service, `the database does not answer: ${error.message || error.code}`);
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
}

/** Whether one query under the service's own role succeeds now: what an honest health check asks. */
export async function databaseAnswers(pool, statement = "select 1") {
  try {
    await pool.query(statement);
    return true;
  } catch {
    return false;
  }
}

/** Runs `work(client)` in one transaction; an error rolls back and is thrown on. */
export async function transaction(pool, work) {
  const client = await pool.connect();
  try {
    await client.query("begin");
    const result = await work(client);
    await client.query("commit");
    client.release();
    return result;
  } catch (error) {
    // a connection whose rollback fails is thrown away, not put back
    const broken = await client.query("rollback").then(() => false, () => true);
    client.release(broken);
    throw error;
  }
}
