#!/usr/bin/env bash
# Usage: need.sh COMMAND:PACKAGE...
#
# Makes sure that each COMMAND can be run. What is missing is installed from its
# Debian PACKAGE where that asks for no password: as root, or with a sudo that
# asks for none. Elsewhere need.sh says what to install, and fails.
set -euo pipefail
export PATH=$PATH:/usr/sbin:/sbin

missing() {
    local pair
    for pair; do
        command -v "${pair%%:*}" >/dev/null || printf '%s\n' "${pair#*:}"
    done | sort -u
}

# as_root runs a command as root without asking, or fails.
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo --non-interactive "$@"; fi
}

install_packages() {
    local apt=(env DEBIAN_FRONTEND=noninteractive apt-get --quiet --yes -o DPkg::Lock::Timeout=300)
    as_root "${apt[@]}" install --no-install-recommends "$@" ||
        { as_root "${apt[@]}" update && as_root "${apt[@]}" install --no-install-recommends "$@"; }
}

mapfile -t packages < <(missing "$@")
[ ${#packages[@]} -gt 0 ] || exit 0

if command -v apt-get >/dev/null && as_root true 2>/dev/null; then
    echo "Installing ${packages[*]}"
    install_packages "${packages[@]}"
fi

mapfile -t packages < <(missing "$@")
[ ${#packages[@]} -gt 0 ] || exit 0
echo "Commands are missing. As root, run: apt-get install ${packages[*]}" >&2
exit 1
