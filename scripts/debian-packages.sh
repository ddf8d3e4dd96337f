# Packages of any Debian suite, fetched and unpacked without touching this machine's own apt: from the
# mirror that its sources name, by apt itself, which checks the archive's signature and every file's
# hash. Sourced by stand-ins, which sets WORK, a directory for temporary files.
# shellcheck shell=bash

KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

# archive_uri - the mirror of this machine's Debian suites
archive_uri() {
    local uri
    # shellcheck disable=SC2016  # apt's own variables
    uri=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' |
        awk '$2 ~ /^[a-z]+$/ { print $1; exit }')
    [[ -n $uri ]] || die "no Debian archive stands in this machine's apt sources"
    echo "$uri"
}

# prepare_suite SUITE - a private apt state that knows that suite alone; prints its configuration file
prepare_suite() {
    local state=$WORK/apt-$1
    if [[ ! -d $state ]]; then
        say "reading the package index of $1"
        mkdir -p "$state"/{lists/partial,cache/archives/partial,debs}
        echo "deb [signed-by=$KEYRING] $(archive_uri) $1 main" >"$state/sources.list"
        cat >"$state/apt.conf" <<END
Dir::State "$state";
Dir::State::lists "$state/lists";
Dir::State::status "/dev/null";
Dir::Cache "$state/cache";
Dir::Etc::sourcelist "$state/sources.list";
Dir::Etc::sourceparts "-";
Acquire::Languages "none";
APT::Sandbox::User "root";
END
        APT_CONFIG=$state/apt.conf apt-get -qq update >&2
    fi
    echo "$state/apt.conf"
}

# unpack SUITE DIRECTORY PACKAGE... - the packages' files, without their dependencies and scripts
unpack() {
    local suite=$1 directory=$2 package configuration
    shift 2
    configuration=$(prepare_suite "$suite")
    (cd "$WORK/apt-$suite/debs" && APT_CONFIG=$configuration apt-get -qq download "$@" >/dev/null)
    for package in "$@"; do dpkg -x "$WORK/apt-$suite/debs/${package}"_*.deb "$directory"; done
}

# version_of SUITE PACKAGE - of a package that was unpacked, without Debian's own suffix: 3.5.3
version_of() {
    local version
    version=$(dpkg-deb -f "$WORK/apt-$1/debs/${2}"_*.deb Version)
    version=${version#*:}
    echo "${version%%[+~-]*}"
}
