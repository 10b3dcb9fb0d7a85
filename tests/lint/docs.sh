#!/bin/sh
# The generated references are what the tables say now: docs.sh PATH-OF-WEIR
set -eu
weir=$(readlink -f "$1")
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$weir" --config-docs > "$work/config.md"
"$weir" --counter-docs > "$work/counters.md"
"$weir" --expr-docs > "$work/expressions.md"
status=0
for page in config.md counters.md expressions.md; do
	if ! diff -u "docs/$page" "$work/$page" > "$work/diff"; then
		head -n 20 "$work/diff" >&2
		echo "docs/$page is not what the tables say: ./dev docs" >&2
		status=1
	fi
done
exit $status
