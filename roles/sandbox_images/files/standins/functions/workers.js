// User workers: one Deno process per function, with only the variables that the main service hands over, its own memory
// limit and its own import map. A process and not a thread, because threads of Deno share one environment.

const READY_WITHIN_MS = 30_000;
const workers = new Map();
const decoder = new TextDecoder();

function entryOf(folder, given) {
  if (given) {
    const path = decodeURIComponent(new URL(given).pathname);
    return { path, changed: Deno.statSync(path).mtime?.getTime() };
  }
  for (const name of ["index.ts", "index.js", "index.mjs", "index.tsx"]) {
    try {
      const file = Deno.statSync(`${folder}/${name}`);
      if (file.isFile) return { path: `${folder}/${name}`, changed: file.mtime?.getTime() };
    } catch {
      // the next name
    }
  }
  throw new Error(`InvalidWorkerCreation: could not find an appropriate entrypoint in ${folder}`);
}

class UserWorker {
  #child;
  #port;
  #running = 0;
  #retired = false;
  #idleTimer;

  constructor(options, entry, idleMs) {
    this.entry = entry;
    this.idleMs = idleMs;
    this.folder = options.servicePath;
    const flags = ["--quiet", "--no-prompt", "--allow-all", `--v8-flags=--max-old-space-size=${options.memoryLimitMb ?? 150}`];
    const importMapPath = options.context?.importMapPath;
    if (importMapPath) flags.push(`--import-map=${importMapPath}`);
    if (options.noModuleCache) flags.push("--reload");
    const kept = ["PATH", "HOME", "DENO_DIR", "DENO_TLS_CA_STORE", "NPM_CONFIG_REGISTRY", "JSR_URL", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"];
    const base = kept.map((name) => [name, Deno.env.get(name)]).filter(([, value]) => value !== undefined);
    const file = Deno.makeTempFileSync({ prefix: "worker-" });
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", ...flags, new URL("./user_worker.js", import.meta.url).pathname, entry.path, file],
      cwd: options.servicePath,
      clearEnv: true,
      env: Object.fromEntries([...base, ...(options.envVars ?? [])]),
      stdin: "null",
      stdout: "inherit",
      stderr: "piped",
    }).spawn();
    this.started = this.#ready(file);
    this.started.catch(() => this.retire());
    this.limit = setTimeout(() => this.retire(), options.workerTimeoutMs ?? 60_000);
    Deno.unrefTimer(this.limit);
    this.#child.status.then(() => this.retire());
  }

  get usable() {
    return !this.#retired;
  }

  /** The worker tells its port through `file`; what it wrote to stderr before it ended is the reason when it does not. */
  async #ready(file) {
    let last = "";
    (async () => {
      for await (const chunk of this.#child.stderr) {
        Deno.stderr.writeSync(chunk);
        last = (last + decoder.decode(chunk)).slice(-2000);
      }
    })();
    let ended = false;
    this.#child.status.then(() => (ended = true));
    const deadline = Date.now() + READY_WITHIN_MS;
    try {
      while (!ended && Date.now() < deadline) {
        const text = Deno.readTextFileSync(file);
        if (text.endsWith("\n")) return (this.#port = Number(text));
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    } finally {
      Deno.removeSync(file);
    }
    // deno-lint-ignore no-control-regex
    const reason = last.replace(/\x1b\[[0-9;]*m/g, "").trim().split("\n")[0];
    throw new Error(`InvalidWorkerCreation: worker boot error: ${reason || "it did not call Deno.serve in time"}`);
  }

  async fetch(request) {
    this.#running += 1;
    clearTimeout(this.#idleTimer);
    try {
      await this.started;
      const url = new URL(request.url);
      const headers = new Headers(request.headers);
      headers.set("x-edge-runtime-url", request.url);
      const response = await fetch(`http://127.0.0.1:${this.#port}${url.pathname}${url.search}`, {
        method: request.method,
        headers,
        body: request.body,
        redirect: "manual",
        signal: AbortSignal.any([request.signal, AbortSignal.timeout(this.idleMs)]),
      });
      const answer = new Headers(response.headers);
      // fetch has decoded the body already
      if (answer.has("content-encoding")) for (const name of ["content-encoding", "content-length"]) answer.delete(name);
      return new Response(response.body, { status: response.status, statusText: response.statusText, headers: answer });
    } finally {
      this.#running -= 1;
      if (this.#retired && this.#running === 0) this.#kill();
      this.#idleTimer = setTimeout(() => this.retire(), this.idleMs);
      Deno.unrefTimer(this.#idleTimer);
    }
  }

  /** No new requests; the process ends when the running ones have their answers' first bytes, or after a grace. */
  retire() {
    if (this.#retired) return;
    this.#retired = true;
    clearTimeout(this.limit);
    clearTimeout(this.#idleTimer);
    if (workers.get(this.folder) === this) workers.delete(this.folder);
    if (this.#running === 0) this.#kill();
  }

  #kill() {
    // streamed bodies may still be on their way
    Deno.unrefTimer(setTimeout(() => this.stop(), 2000));
  }

  stop() {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // it has ended by itself
    }
  }
}

/** A worker for `options.servicePath`: the running one while its file is unchanged, else a new one. */
export function createWorker(options, idleMs) {
  const entry = entryOf(options.servicePath, options.maybeEntrypoint);
  const running = workers.get(options.servicePath);
  if (running?.usable && !options.forceCreate && running.entry.path === entry.path && running.entry.changed === entry.changed) return Promise.resolve(running);
  running?.retire();
  const worker = new UserWorker(options, entry, idleMs);
  workers.set(options.servicePath, worker);
  return Promise.resolve(worker);
}

export function stopWorkers() {
  for (const worker of workers.values()) worker.stop();
}
