# What the scripts beside this file share; they source it. It also takes them to the top of the checkout.
# shellcheck shell=bash

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '%s\n' "$*" >&2; }
die() { say "${0##*/}: $*"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# within SECONDS COMMAND... - repeats the command until it succeeds; false when the time is over
within() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        ((SECONDS < deadline)) || return 1
        sleep 0.3
    done
}

# workspace_version - that of all programs
workspace_version() { sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1; }

# source_date - when the source was last changed, in seconds: what is made of it is dated like it
source_date() { echo "${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}"; }

# setting NAME - a variable's value as compose would see it: the environment, else .env, else nothing
setting() {
    if [[ -n ${!1-} ]]; then
        printf '%s\n' "${!1}"
    elif [[ -f .env ]]; then
        sed -n "s/^$1=//p" .env | tail -n 1
    fi
}

# docker_problem - why Docker cannot be used here; nothing if it can
docker_problem() {
    if ! have docker; then
        echo "docker is not installed"
    elif ! docker info >/dev/null 2>&1; then
        echo "no Docker engine answers (is it started, and may this user reach it?)"
    elif ! docker compose version >/dev/null 2>&1; then
        echo "the compose plugin is missing (docker compose, not docker-compose)"
    fi
}

require_docker() {
    local problem
    problem=$(docker_problem)
    [[ -z $problem ]] || die "$problem; without Docker there is 'make run'"
}

# address_of SERVICE PORT - where a port of the running stack is published: 127.0.0.1:32768
address_of() {
    local address
    address=$(docker compose port "$1" "$2" 2>/dev/null) && [[ -n $address && $address != *:0 ]] || return 1
    case $address in
        0.0.0.0:*) echo "127.0.0.1:${address##*:}" ;;
        '[::]:'*) echo "[::1]:${address##*:}" ;;
        *) echo "$address" ;;
    esac
}
