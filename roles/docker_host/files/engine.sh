#!/bin/sh
# Starts dockerd on a machine without systemd and waits until it answers.
#   engine.sh start|restart SECONDS
# Safe to run twice and twice at once: it does nothing when the engine answers.
set -u

verb=$1
seconds=$2
log=/var/log/dockerd.log
# The engine's own default: two dockerd can then never run at once, whoever started the other.
pidfile=/run/docker.pid
PATH="$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
export PATH

fail() {
    echo "$1" >&2
    exit 1
}

answers() { timeout 10 docker --host unix:///var/run/docker.sock version >/dev/null 2>&1; }

running() {
    pid=$(cat "$pidfile" 2>/dev/null) && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = dockerd ]
}

last_words() { tail -n 3 "$log" 2>/dev/null | tr '\n' ' '; }

# Gone, or waiting to be reaped by this shell.
ended() { ! grep -q '^State:[[:space:]]*[^ZX]' "/proc/$1/status" 2>/dev/null; }

# $1: the process that was started here, if any; the waiting ends early when it does.
await_answer() {
    left=$((seconds * 5))
    while ! answers; do
        [ -z "$1" ] || ! ended "$1" || fail "dockerd ended at once. Its last words in $log: $(last_words)"
        left=$((left - 1))
        [ "$left" -gt 0 ] || fail "dockerd does not answer after $seconds seconds. Its last words in $log: $(last_words)"
        sleep 0.2
    done
}

exec 9>/run/supafleet-engine.lock
flock --wait $((seconds * 2)) 9 || fail "another start of the engine has held /run/supafleet-engine.lock for $((seconds * 2)) seconds"

if [ "$verb" = restart ] && running; then
    kill "$pid"
    left=$((seconds * 5))
    while [ -d "/proc/$pid" ]; do
        left=$((left - 1))
        [ "$left" -gt 0 ] || fail "dockerd (process $pid) does not end after $seconds seconds"
        sleep 0.2
    done
fi

answers && exit 0

started=
if ! running; then
    # A pid file left by a machine that was switched off may name any process by now; dockerd would refuse to start.
    rm -f "$pidfile"
    # Best effort: containers inherit the daemon's limit, and not every machine may raise it.
    ulimit -n 1048576 2>/dev/null || true
    # The lock's descriptor is closed for dockerd, which would otherwise hold the lock for its whole life.
    setsid dockerd --pidfile "$pidfile" </dev/null >>"$log" 2>&1 9>&- &
    started=$!
fi
await_answer "$started"
echo started
