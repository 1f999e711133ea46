// Start and stop of a stand-in: one sentence on stderr when it cannot start, a clean end on SIGTERM.

/** Ends the program with one sentence that says why; container logs then show exactly that line. */
export function fail(service, sentence) {
  process.stderr.write(`${service}: ${sentence}\n`);
  process.exit(1);
}

/**
 * Runs `close` once on the first stop signal, then exits 0. Docker sends SIGTERM (kong: SIGQUIT) and kills after
 * ten seconds, so `close` gets five: as process 1 a program without a handler would ignore the signal altogether.
 */
export function onShutdown(close) {
  let stopping = false;
  const stop = async () => {
    if (stopping) return;
    stopping = true;
    setTimeout(() => process.exit(0), 5000).unref();
    try {
      await close();
    } finally {
      process.exit(0);
    }
  };
  for (const signal of ["SIGTERM", "SIGINT", "SIGQUIT"]) process.on(signal, stop);
}

/** One JSON object per line on stdout, as most of the official services log. */
export function log(level, message, fields = {}) {
  process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), level, msg: message, ...fields })}\n`);
}
