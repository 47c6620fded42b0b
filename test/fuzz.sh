#!/usr/bin/env bash
# Usage: fuzz.sh DURATION
#
# Runs every fuzz target of the module for DURATION (Go's notation, such as 2m).
# A finding ends the run; its input stays in the package's testdata/fuzz.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

mapfile -t targets < <(grep -roE --include='*_test.go' '^func Fuzz\w+' build plugin | sort)
if [ ${#targets[@]} -eq 0 ]; then
    echo "No fuzz target found in build and plugin" >&2
    exit 1
fi

said=$(mktemp)
trap 'rm -f "$said"' EXIT

# overtime reports whether all that failed is that an input was still running when the
# time was over, which go test takes for a failure now and then.
overtime() {
    grep -q '^    context deadline exceeded$' "$said" && ! grep -qE 'Failing input|panic' "$said"
}

for target in "${targets[@]}"; do
    file=${target%%:*}
    name=${target##* }
    echo "== $name in $file"
    go test -run='^$' -fuzz="^$name\$" -fuzztime="$1" "./$(dirname "$file")" 2>&1 | tee "$said" || overtime
done
