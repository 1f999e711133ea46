#!/usr/bin/env bash
# First boot and start of PostgreSQL, by the contract of the official image: an empty data directory is filled with a
# cluster whose superuser is supabase_admin, then init-scripts/*.sql run as postgres and migrations/*.sql as supabase_admin.
set -Eeuo pipefail

fail() {
  echo "db: $1" >&2
  exit 1
}

if [ "${1:0:1}" = - ]; then set -- postgres "$@"; fi
if [ "${1:-}" != postgres ]; then exec "$@"; fi

export PGDATA=${PGDATA:-/var/lib/postgresql/data}
folder=/docker-entrypoint-initdb.d
key=/etc/postgresql-custom/pgsodium_root.key
# everything of a first boot happens in here; while it exists, whatever else lies in the data directory is half-made
unfinished=$PGDATA/.unfinished-first-boot

if [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA" /var/run/postgresql
  find "$PGDATA" /var/run/postgresql \! -user postgres -exec chown postgres:postgres {} +
  exec setpriv --reuid postgres --regid postgres --init-groups "$0" "$@"
fi

if [ ! -e "$key" ]; then
  (umask 077 && od -An -N32 -tx1 /dev/urandom | tr -d ' \n' > "$key.new" && mv "$key.new" "$key") \
    || fail "/etc/postgresql-custom must be writable by the user postgres, or hold pgsodium_root.key"
fi
[[ $(cat "$key" 2> /dev/null) =~ ^[0-9a-f]{64}$ ]] || fail "$key must be readable by the user postgres and hold 64 lower-case hex digits"

run_sql() { # user, file: one connection per file, so that a \c in it does not leak into the next
  psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 -U "$1" -h "${POSTGRES_HOST:-/var/run/postgresql}" -d postgres -f "$2" > /dev/null \
    || fail "first boot stopped at $2: the error stands above"
}

first_boot() {
  local size
  [ -n "${POSTGRES_PASSWORD:-}" ] || fail "POSTGRES_PASSWORD is missing: it must be set for an empty data directory"
  [[ $POSTGRES_PASSWORD != *\'* ]] || fail "POSTGRES_PASSWORD must not hold a single quote"
  [ "${POSTGRES_USER:-supabase_admin}" = supabase_admin ] || fail "POSTGRES_USER must be supabase_admin or unset"
  [ "${POSTGRES_DB:-postgres}" = postgres ] || fail "POSTGRES_DB must be postgres"
  export PGPASSWORD=$POSTGRES_PASSWORD
  if [ -d "$unfinished" ]; then echo "db: an earlier first boot was interrupted; starting over" >&2; fi
  find "$PGDATA" -mindepth 1 -maxdepth 1 \! -path "$unfinished" -exec rm -rf {} +
  rm -rf "$unfinished"
  mkdir -m 0700 "$unfinished"

  cp -a /opt/empty-cluster/. "$unfinished"
  # supabase_admin has no password yet, so this first server trusts its socket; nobody outside can reach it, and nothing
  # needs to survive a crash, because an interrupted first boot starts over
  echo 'local all all trust' > /tmp/first-boot-hba.conf
  "$@" -c "data_directory=$unfinished" -c hba_file=/tmp/first-boot-hba.conf -c listen_addresses= -c fsync=off -c synchronous_commit=off -c full_page_writes=off \
    -c max_wal_size=4GB -c autovacuum=off -c cron.launch_active_jobs=off -c log_min_messages=fatal &
  server=$!
  trap 'kill -QUIT $server 2> /dev/null; exit 1' TERM INT
  trap 'kill -QUIT $server 2> /dev/null' EXIT
  until pg_isready --quiet -U supabase_admin -h /var/run/postgresql; do
    kill -0 "$server" 2> /dev/null || fail "the server stopped during first boot: its message stands above"
    sleep 0.02
  done
  psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 -U supabase_admin -h /var/run/postgresql -d postgres > /dev/null << 'SQL'
\set password `printf '%s' "$POSTGRES_PASSWORD"`
alter role supabase_admin password :'password';
create role postgres superuser login password :'password';
alter database postgres owner to postgres;
SQL
  local file
  for file in "$folder"/init-scripts/*.sql; do run_sql postgres "$file"; done
  for file in "$folder"/migrations/*.sql; do run_sql supabase_admin "$file"; done
  if [ -e /etc/postgresql.schema.sql ]; then run_sql supabase_admin /etc/postgresql.schema.sql; fi
  kill -INT "$server"
  wait "$server" || fail "the server did not stop cleanly after first boot"
  trap - TERM INT EXIT
  chmod 0750 "$PGDATA"
  find "$unfinished" -mindepth 1 -maxdepth 1 -exec mv -t "$PGDATA" {} +
  # two flushes: all content before the mark of the unfinished boot goes, and that it is gone before anyone connects
  sync -f "$PGDATA"
  rmdir "$unfinished"
  sync "$PGDATA"
  size=$(du -sm "$PGDATA" | cut -f1)
  echo "db: first boot done in ${SECONDS} s, ${size} MB" >&2
}

if [ -d "$unfinished" ] || [ ! -s "$PGDATA/PG_VERSION" ]; then
  first_boot "$@"
elif [ "$(cat "$PGDATA/PG_VERSION")" != 17 ]; then
  fail "the data directory was made by PostgreSQL $(cat "$PGDATA/PG_VERSION"): this image is PostgreSQL 17"
fi
exec "$@"
