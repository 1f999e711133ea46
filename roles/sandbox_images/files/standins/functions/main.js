// The functions runtime: a real Deno that runs the project's own main service, with EdgeRuntime.userWorkers provided.
// Started as `edge-runtime start [options] --main-service <folder>`; runs under Deno, not Node.js.
import { createWorker, stopWorkers } from "./workers.js";

function fail(sentence) {
  console.error(`functions: ${sentence}`);
  Deno.exit(1);
}

const OPTIONS = { "--main-service": null, "--user-worker-request-idle-timeout": "150000", "-p": null, "--port": null, "--policy": null, "--max-parallelism": null };

function readArguments(given) {
  if (given[0] !== "start") fail(`the command must be start, not ${given[0] ?? "empty"}`);
  const options = { ...OPTIONS };
  for (let index = 1; index < given.length; index += 2) {
    const [name, inline] = given[index].split("=", 2);
    if (!(name in OPTIONS)) fail(`the option ${name} is not known here; allowed are ${Object.keys(OPTIONS).join(", ")}`);
    options[name] = inline ?? given[index + 1] ?? fail(`the option ${name} needs a value`);
    if (inline !== undefined) index -= 1;
  }
  return options;
}

const options = readArguments(Deno.args);
const folder = options["--main-service"] ?? fail("--main-service must name the folder of the main service");
const port = Number(options["--port"] ?? options["-p"] ?? Deno.env.get("EDGE_RUNTIME_PORT") ?? 9000);
const idleMs = Number(options["--user-worker-request-idle-timeout"]);
if (!Number.isInteger(idleMs) || idleMs <= 0) fail("--user-worker-request-idle-timeout must be a whole number of milliseconds above 0");

function exists(path) {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

const entry = ["index.ts", "index.js", "index.mjs"].map((name) => `${folder}/${name}`).find(exists);
if (!entry) fail(`there is no main service: ${folder}/index.ts is missing`);

globalThis.EdgeRuntime = { userWorkers: { create: (given) => createWorker(given, idleMs) }, waitUntil: (promise) => promise };

// the runtime, not the main service, decides where it listens
const serve = Deno.serve;
let server;
Deno.serve = (first, second) => {
  const handler = typeof first === "function" ? first : (second ?? first.handler);
  server = serve({ port, hostname: "0.0.0.0", onListen: () => console.error(`functions: main service listens on port ${port}`) }, handler);
  return server;
};

for (const signal of ["SIGTERM", "SIGINT"]) {
  Deno.addSignalListener(signal, async () => {
    setTimeout(() => Deno.exit(0), 5000);
    stopWorkers();
    await server?.shutdown();
    Deno.exit(0);
  });
}

try {
  await import(`file://${entry}`);
} catch (error) {
  fail(`the main service ${entry} cannot be started: ${error.message.split("\n")[0]}`);
}
if (!server) fail(`the main service ${entry} did not call Deno.serve`);
