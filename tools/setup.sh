# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# setup.sh -- sourced by ./demo and ./check: their common options, and the
# Debian packages they need.  Says what it would install before it does.
#
#	setup_options "$@"	sets $yes, $install; $long where it is set before
#	setup_packages SECTION...
#	setup_unpack SECTION
#	setup_build PRESET

yes=no
install=yes

# setup_options ARGS...: what both scripts understand.  $usage is shown.
setup_options() {
	while [ $# -gt 0 ]; do
		case $1 in
		--yes|-y)	yes=yes ;;
		--no-install)	install=no ;;
		--long)		[ -n "${long+set}" ] ||
				    { echo "$usage" >&2; exit 64; }
				long=yes ;;
		--help|-h)	echo "$usage"; exit 0 ;;
		*)		echo "$usage" >&2; exit 64 ;;
		esac
		shift
	done
}

# setup_list SECTION...: the lines of these sections of the file `packages`.
setup_list() {
	for section; do
		sed -n "/^\\[$section\\]/,/^\\[/p" packages |
		    sed -e '/^\[/d' -e '/^#/d' -e '/^[ 	]*$/d'
	done
}

setup_has() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = \
	    installed ]
}

# setup_missing SECTION...: what is not there yet, on one line.
setup_missing() {
	setup_list "$@" | while read -r first bar second; do
		setup_has "$first" && continue
		if [ "$bar" = '|' ]; then
			setup_has "$second" && continue
			# Before the first `apt-get update` neither is known.
			apt-cache show "$first" >/dev/null 2>&1 ||
			    { apt-cache show "$second" >/dev/null 2>&1 &&
			    first=$second; }
		fi
		printf ' %s' "$first"
	done
}

setup_packages() {
	if ! command -v dpkg-query >/dev/null 2>&1; then
		echo "This is no Debian: see the file \`packages\` for what" \
		    "is needed." >&2
		return 0
	fi
	missing=$(setup_missing "$@")
	[ -n "$missing" ] || return 0

	sudo=
	[ "$(id -u)" -eq 0 ] || sudo='sudo '
	update="${sudo}apt-get update"
	line="${sudo}apt-get install -y --no-install-recommends$missing"
	echo "These packages are missing:$missing"
	if [ "$install" = no ]; then
		echo "Not installed (--no-install); this would do it:"
		echo "    $update && $line"
		return 0
	fi
	echo "To install them:"
	echo "    $update && $line"
	if [ "$yes" = no ]; then
		printf 'Run this now? [y/N] '
		answer=
		read -r answer || echo
		case $answer in
		y|Y|yes|Yes) ;;
		*) echo "Nothing was changed." >&2; exit 1 ;;
		esac
	fi
	if [ -n "$sudo" ] && ! command -v sudo >/dev/null 2>&1; then
		echo "There is no sudo here: run the line above as root," \
		    "without sudo." >&2
		exit 1
	fi
	DEBIAN_FRONTEND=noninteractive
	export DEBIAN_FRONTEND
	# The lists may be years old, or not there at all.
	$update && missing=$(setup_missing "$@") &&
	    ${sudo}apt-get install -y --no-install-recommends $missing ||
	    { echo "The installation failed." >&2; exit 1; }
}

# setup_unpack SECTION: the programs of these packages come last in PATH.
setup_unpack() {
	into=$PWD/build/unpacked
	mkdir -p "$into"
	for package in $(setup_list "$1"); do
		if [ ! -d "$into/$package" ] && [ "$install$yes" = yesyes ]; then
			echo "Unpacking $package into build/unpacked ..."
			(cd "$into" && rm -f "$package"_*.deb &&
			    apt-get download -qq \
				-o Acquire::http::Timeout=30 "$package" &&
			    dpkg -x "$package"_*.deb "$package.new" &&
			    mv "$package.new" "$package"
			    rm -rf "$package"_*.deb "$package.new") 2>/dev/null
		fi
		if [ -d "$into/$package" ]; then
			PATH=$PATH:$into/$package/usr/bin
		else
			echo "$package is not unpacked (--yes tries): a test looks" \
			    "at less."
		fi
	done
	export PATH
}

# setup_build PRESET: configure and build; the output is shown on failure.
setup_build() {
	log=build/$1.log
	mkdir -p build
	echo "Building (preset $1) ..."
	if ! { cmake --preset "$1" && cmake --build --preset "$1"; } \
	    >"$log" 2>&1; then
		tail -n 60 "$log" >&2
		echo "The build failed; all of its output is in $log." >&2
		return 1
	fi
}
