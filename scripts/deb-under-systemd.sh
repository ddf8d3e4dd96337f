# The Debian package where systemd runs: what the unit does with it. Sourced by test-deb.
# shellcheck shell=bash

has_state() { inside bash -c 'test -s /var/lib/private/cpumon-agent/web-1.*.json'; }

# is_confined PID - a user without a name, no capability, system calls filtered
is_confined() {
    local line
    for line in 'Uid:\s[1-9]' 'CapEff:\s0+$' 'CapBnd:\s0+$' 'NoNewPrivs:\s1$' 'Seccomp:\s2$'; do
        inside grep -qE "^$line" "/proc/$1/status" || { say "not so: $line"; return 1; }
    done
}

# It measures, is heard and keeps its state, with all that the unit forbids.
runs_confined() {
    if within "$PATIENCE" shows 'cpumon_agent_up\{agent="web-1"\} 1' && within "$PATIENCE" has_state; then
        inside cpumon-agent healthcheck && shows 'cpumon_seconds_total\{agent="web-1",mode="idle"\} [1-9]' && is_confined "$(property MainPID)"
    else
        inside journalctl --no-pager --unit cpumon-agent >&2
        return 1
    fi
}

upgrade_keeps_settings() {
    change_settings && upgrade && within "$PATIENCE" shows 'cpumon_agent_up\{agent="renamed"\} 1' && shows_not 'cpumon_agent_up\{agent="web-1"\}'
}

wrong_variable_is_final() {
    inside bash -c 'echo AGENT_INTERVAL=often >>/etc/default/cpumon-agent; systemctl restart cpumon-agent' >/dev/null 2>&1
    within "$PATIENCE" property_is ActiveState failed && property_is ExecMainStatus 64 && property_is NRestarts 0 &&
        inside sed -i /AGENT_INTERVAL/d /etc/default/cpumon-agent && inside systemctl restart cpumon-agent &&
        within "$PATIENCE" shows 'cpumon_agent_up\{agent="renamed"\} 1'
}

is_started_anew() {
    local before
    before=$(property MainPID) && inside systemctl kill --signal KILL cpumon-agent && within "$PATIENCE" property_is NRestarts 1 &&
        within "$PATIENCE" property_is ActiveState active && [[ $(property MainPID) != "$before" ]]
}

says_bye() { within "$PATIENCE" shows_not 'cpumon_agent_up\{'; }

test_under_systemd() {
    check "installed" install_first
    check "installed: every file is there, and the unit enabled" is_complete
    check "installed: it runs confined, and an exporter hears it" runs_confined
    check "upgraded: settings that were changed are kept and count" upgrade_keeps_settings
    check "a wrong variable ends it with 64, and it is not tried again" wrong_variable_is_final
    check "killed: it is started anew" is_started_anew
    check "upgraded: who has disabled it finds it disabled" disabled_stays_disabled
    check "removed: settings and state are kept" removal_keeps_settings
    check "removed: it has said bye" says_bye
    check "purged: nothing is left" purge_leaves_nothing
}
