#!/bin/sh
# Who may include whom: reads the #include "..." lines of every room and compares
# them with the one table below (docs/processes.md, "Rooms"). Also: every header has
# its guard; a file over 600 lines gets a warning.
#
#   layers.sh [TREE]      exit 1 with file:line for each breach
#   layers.sh --self-test plants one breach of each kind and expects to be told
set -eu

check() {
	cd "$1"
	find lib shm config import haproxy roster worker checker control master cli \
		\( -name '*.c' -o -name '*.h' -o -name '*.def' \) -type f | LC_ALL=C sort |
	xargs -r awk '
	BEGIN {
		# The table: a room, then what it may include (rooms, or single headers).
		# Its own files are always allowed.
		low = "lib/base"
		libs = "lib/base lib/balance lib/expr lib/http lib/net"
		allow("lib/base", "")
		allow("lib/balance", low)
		allow("lib/expr", low)
		allow("lib/http", low)
		allow("lib/net", low)
		allow("shm", low)
		allow("config", libs)
		allow("import", "config " libs)
		allow("haproxy", "import master config " libs)
		allow("roster", "config shm " libs)
		allow("worker", "roster config shm " libs)
		allow("checker", "roster config shm " libs)
		allow("control", "roster config shm " libs)
		allow("cli", "shm lib/base")
		allow("master", "roster config shm " libs \
			" worker/worker.h worker/fetch/evaluate.h checker/checker.h control/control.h")
	}
	function allow(room, list,   n, i, part) {
		known[room] = 1
		may[room, room] = 1
		n = split(list, part, " ")
		for (i = 1; i <= n; i++)
			may[room, part[i]] = 1
	}
	function room_of(path,   part) {
		split(path, part, "/")
		return part[1] == "lib" ? part[1] "/" part[2] : part[1]
	}
	function breach(line, text) {
		printf "%s:%d: %s\n", FILENAME, line, text > "/dev/stderr"
		bad = 1
	}
	function guard_of(path) {
		sub(/^lib\//, "", path)
		gsub(/[^A-Za-z0-9]/, "_", path)
		return "WEIR_" toupper(path)
	}
	function finish_file() {
		if (file == "")
			return
		if (file ~ /\.h$/ && !guarded) {
			printf "%s:1: no include guard %s\n", file, guard_of(file) \
				> "/dev/stderr"
			bad = 1
		}
		if (lines > 600)
			printf "%s: warning: %d lines; more than one noun?\n", file, lines
	}
	FNR == 1 {
		finish_file()
		file = FILENAME
		room = room_of(file)
		guarded = 0
		if (!(room in known))
			breach(1, "room " room " is not in the table of layers.sh")
	}
	{ lines = FNR }
	/^#ifndef/ && $2 == guard_of(file) { guarded = 1 }
	/^[ \t]*#[ \t]*include[ \t]*"/ {
		path = $0
		sub(/^[^"]*"/, "", path)
		sub(/".*$/, "", path)
		if (path !~ /\//) {
			breach(FNR, "include \"" path "\" by its path from the top")
			next
		}
		to = room_of(path)
		if (!((room, to) in may) && !((room, path) in may))
			breach(FNR, room " may not include " path)
	}
	END { finish_file(); exit bad }
	'
}

# The check must find what it is there to find.
self_test() {
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	for room in lib/base lib/balance lib/expr lib/http lib/net shm config import roster worker checker \
		control master haproxy cli; do
		mkdir -p "$work/$room"
		name=$(printf '%s' "${room#lib/}" | tr a-z A-Z)
		printf '#ifndef WEIR_%s_OK_H\n#define WEIR_%s_OK_H\n#endif\n' \
			"$name" "$name" > "$work/$room/ok.h"
		printf '#include "%s/ok.h"\n#include "lib/base/ok.h"\n' \
			"$room" > "$work/$room/ok.c"
	done
	printf '#include "worker/worker.h"\n' > "$work/master/main.c"
	if ! (check "$work"); then
		echo "layers.sh: self-test: a good tree was refused" >&2
		exit 1
	fi
	expect_breach lib/base/bad.c '#include "shm/ok.h"'
	expect_breach shm/bad.c '#include "lib/net/ok.h"'
	expect_breach lib/http/bad.c '#include "lib/net/ok.h"'
	expect_breach config/bad.c '#include "shm/ok.h"'
	expect_breach import/bad.c '#include "master/ok.h"'
	expect_breach worker/bad.c '#include "checker/ok.h"'
	expect_breach checker/bad.c '#include "master/ok.h"'
	expect_breach cli/bad.c '  # include "config/ok.h"'
	expect_breach master/bad.c '#include "worker/ok.h"'
	expect_breach worker/bad.c '#include "ok.h"'
	expect_breach worker/bad.h '/* no guard */'
	echo "layers.sh: self-test: every planted breach was found"
}

expect_breach() {
	printf '%s\n' "$2" > "$work/$1"
	if out=$( (check "$work") 2>&1); then
		echo "layers.sh: self-test: not found: $1: $2" >&2
		exit 1
	fi
	case $out in
	"$1:1:"*) ;;
	*)
		echo "layers.sh: self-test: $1 not named by: $out" >&2
		exit 1
		;;
	esac
	rm "$work/$1"
}

if [ "${1-}" = --self-test ]; then
	self_test
else
	check "${1:-$(dirname "$0")/../..}"
fi
