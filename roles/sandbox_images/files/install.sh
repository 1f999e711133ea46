#!/bin/sh
# Puts a launcher wherever the official image has its program, so that the official commands and health checks work.
set -eu

program() { # path, service
  mkdir -p "$(dirname "$1")"
  printf '#!/bin/sh\nexec node /opt/standins/%s/main.js "$@"\n' "$2" > "$1"
  chmod 0755 "$1"
}

checked_program() { # path, service, argument, address: `<program> <argument>` asks the running one, cheaply, without a second Node.js
  mkdir -p "$(dirname "$1")"
  printf '#!/bin/sh\nif [ "$1" = "%s" ]; then exec curl -fsS -o /dev/null --max-time 6 "%s"; fi\nexec node /opt/standins/%s/main.js "$@"\n' \
    "$3" "$4" "$2" > "$1"
  chmod 0755 "$1"
}

node_file() { # path, service: for commands of the form `node <path>`
  mkdir -p "$(dirname "$1")"
  printf 'import("/opt/standins/%s/main.js");\n' "$2" > "$1"
}

checked_program /usr/local/bin/kong kong health http://127.0.0.1:8000/.kong-health
program /usr/local/bin/auth auth
checked_program /usr/local/bin/postgrest rest --ready 'http://${PGRST_ADMIN_SERVER_HOST:-localhost}:${PGRST_ADMIN_SERVER_PORT:?must be set for --ready}/ready'
program /app/run.sh realtime
checked_program /usr/local/bin/imgproxy imgproxy health 'http://127.0.0.1:${IMGPROXY_BIND##*:}/health'
# the one program that runs under Deno
printf '#!/bin/sh\nexec deno run --quiet --no-prompt --allow-all /opt/standins/functions/main.js "$@"\n' > /usr/local/bin/edge-runtime
chmod 0755 /usr/local/bin/edge-runtime
program /opt/app/rel/logflare/bin/run.sh analytics
program /usr/local/bin/vector vector
node_file /app/dist/start/server.js storage
node_file /usr/src/app/dist/server/server.js meta
node_file /app/apps/studio/server.js studio

# The official checks of meta and studio start a Node.js for one request, half a second of a core every five seconds.
cat > /usr/local/bin/node <<'FRONT'
#!/bin/sh
url=${2#"fetch('"}
if [ "$1" = -e ] && [ "$url" != "$2" ]; then
  [ "$(curl -sS -o /dev/null --max-time 12 -w '%{http_code}' "${url%%"'"*}")" = 200 ]
  exit
fi
exec /usr/bin/node "$@"
FRONT
chmod 0755 /usr/local/bin/node

# kong, studio: the official entrypoint starts the given command
for path in /entrypoint.sh /usr/local/bin/entrypoint.sh /usr/local/bin/node-entrypoint.sh; do
  printf '#!/bin/sh\nexec "$@"\n' > "$path"
  chmod 0755 "$path"
done

ln -s /opt/standins/node_modules/deno/deno /usr/local/bin/deno
sh /opt/standins/db/install.sh
