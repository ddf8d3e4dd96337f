# Counting what passed and what failed; sourced by the scripts that test. Nothing ends a run early but
# what makes the rest pointless, and the last line reads like "12 passed, 0 failed".
# shellcheck shell=bash

passed=0 failed=0 skipped=0 failures=()

# check NAME COMMAND... - one test: the command succeeds
check() {
    local name=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
        say "ok      $name"
    else
        failed=$((failed + 1))
        failures+=("$name")
        say "FAILED  $name"
    fi
}

# skip NAME REASON - a test that cannot run here
skip() {
    skipped=$((skipped + 1))
    say "SKIPPED $1: $2"
}

# closing_line - on standard output, and the run's verdict as the exit status
closing_line() {
    local line="$passed passed, $failed failed"
    ((skipped == 0)) || line+=", $skipped skipped"
    # (The list is empty otherwise, which bash before 4.4 takes for unset.)
    ((failed == 0)) || printf 'FAILED  %s\n' "${failures[@]}" >&2
    printf '%s\n' "$line"
    ((failed == 0))
}
