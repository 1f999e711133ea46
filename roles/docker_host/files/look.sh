# One read-only look at the machine, in plain shell: it must work before Python is there.
# Expects PYTHON and DATA_ROOT; prints one key=value per line, an empty value for what is not there.

PATH="$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
LC_ALL=C
export PATH LC_ALL

# The socket that the Docker modules use, whatever context or DOCKER_HOST a login shell has.
engine() { timeout 20 docker --host unix:///var/run/docker.sock "$@" 2>/dev/null; }
number() { sed -n 's/^v\{0,1\}\([0-9][0-9.]*\).*/\1/p' | sed 's/\.$//;q'; }
yes_if() { if "$@" >/dev/null 2>&1; then echo yes; fi; }
package() { [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

distribution=
version=
[ -r /etc/os-release ] && {
    distribution=$(. /etc/os-release && echo "${ID:-}")
    version=$(. /etc/os-release && echo "${VERSION_ID:-}")
}

echo "uid=$(id -u)"
echo "distribution=$distribution"
echo "version=$version"
echo "systemd=$(yes_if test -d /run/systemd/system)"
echo "python=$(yes_if timeout 20 "$PYTHON" -c 'import sys; assert sys.version_info >= (3, 9)')"
echo "requests=$(yes_if timeout 20 "$PYTHON" -c 'import requests')"
echo "apt_binding=$(yes_if timeout 20 /usr/bin/python3 -c 'import apt')"
echo "client=$(command -v docker)"
echo "daemon=$(command -v dockerd)"
echo "packaged=$(yes_if package docker.io)"
echo "engine=$(engine version --format '{{.Server.Version}}' | number)"
echo "compose=$(engine compose version --short | number)"
echo "debootstrap=$(command -v debootstrap)"
echo "data_root=$(stat --format='%F %a %u' "$DATA_ROOT" 2>/dev/null)"

if [ -e /etc/docker/installed-by-supafleet ]; then
    echo "ours=yes"
    echo "configuration=$(base64 --wrap=0 /etc/docker/daemon.json 2>/dev/null)"
    echo "containers=$(engine ps --all --quiet --filter label=supafleet.project | wc -l)"
else
    echo "ours="
    echo "configuration="
    echo "containers=0"
fi
