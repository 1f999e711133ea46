#!/bin/sh
# Lays the database's files out as in the official image.
set -eu
here=/opt/standins/db
install -m 0755 "$here/docker-entrypoint.sh" /usr/local/bin/docker-entrypoint.sh
install -d -o postgres -g postgres /etc/postgresql /etc/postgresql-custom /etc/postgresql-custom/conf.d \
  /etc/postgresql-custom/extension-custom-scripts /var/lib/postgresql /var/lib/postgresql/data /var/run/postgresql
install -o postgres -g postgres -m 0644 "$here/postgresql.conf" "$here/pg_hba.conf" "$here/pg_ident.conf" /etc/postgresql/
for name in read-replica wal-g supautils; do
  install -o postgres -g postgres -m 0644 /dev/null "/etc/postgresql-custom/$name.conf"
done
mkdir -p /docker-entrypoint-initdb.d
cp -r "$here/init-scripts" "$here/migrations" /docker-entrypoint-initdb.d/
# Extensions that Debian does not package keep their name and their functions' signatures; a call says that it is not there.
for script in "$here"/extensions/*--*.sql; do
  name=$(basename "$script" | sed 's/--.*//')
  version=$(basename "$script" .sql | sed 's/.*--//')
  cp "$script" /usr/share/postgresql/17/extension/
  printf "comment = 'named only: its functions raise in the sandbox flavour'\ndefault_version = '%s'\nrelocatable = false\ntrusted = false\n" \
    "$version" > "/usr/share/postgresql/17/extension/$name.control"
done
# A first boot copies this cluster instead of running initdb, which takes one to two seconds of a core. Its price: all sandbox
# databases share one system identifier, so none of them can be told from another as a source of physical replication.
install -d -o postgres -g postgres -m 0750 /opt/empty-cluster
setpriv --reuid postgres --regid postgres --init-groups initdb --no-sync --no-instructions --username supabase_admin --auth reject \
  --allow-group-access --encoding UTF-8 --locale C.UTF-8 --locale-provider icu --icu-locale en_US.UTF-8 -D /opt/empty-cluster > /dev/null
