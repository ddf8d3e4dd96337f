# What keeps a container of the stack from harming others, read off what runs; sourced by test-stack.
# shellcheck shell=bash disable=SC2154,SC2016  # PROJECT is test-stack's; what is in `$` here is docker's

# inspected SERVICE FORMAT
inspected() { docker inspect --format "$2" "$(container "$1")"; }

is_contained() {
    [[ $(inspected "$1" '{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.HostConfig.CapAdd}} {{.HostConfig.SecurityOpt}} {{.HostConfig.Privileged}}') \
        == 'true [ALL] [] [no-new-privileges:true] false' ]] &&
        has_limits "$1" && logs_rotate "$1" && shares_nothing_of_the_host "$1" && process_has_no_privilege "$1"
}

has_limits() { [[ $(inspected "$1" '{{.HostConfig.Memory}} {{.HostConfig.PidsLimit}}') =~ ^[1-9][0-9]*\ [1-9][0-9]*$ ]]; }

logs_rotate() {
    [[ $(inspected "$1" '{{index .HostConfig.LogConfig.Config "max-size"}} {{index .HostConfig.LogConfig.Config "max-file"}}') == '10m 3' ]]
}

# No namespace of the host's, no device, no engine's socket; what is mounted from the host cannot be written.
shares_nothing_of_the_host() {
    [[ $(inspected "$1" '{{.HostConfig.PidMode}}|{{.HostConfig.UTSMode}}|{{.HostConfig.UsernsMode}}|{{len .HostConfig.Devices}}') == '|||0' ]] &&
        [[ $(inspected "$1" '{{.HostConfig.NetworkMode}} {{.HostConfig.IpcMode}}') != *host* ]] &&
        ! inspected "$1" '{{range .Mounts}}{{.Type}} {{.Source}} {{.RW}}{{println}}{{end}}' | grep -E '^bind .* true$|docker\.sock' >&2
}

# What the kernel says of every process in the container, read from one that shares its process table.
process_has_no_privilege() {
    local status line
    status=$(docker run --rm --network none --pid "container:$(container "$1")" --entrypoint /bin/cat \
        "$(image prometheus)" /proc/1/status)
    for line in '^CapInh:\s*0+$' '^CapPrm:\s*0+$' '^CapEff:\s*0+$' '^CapBnd:\s*0+$' '^CapAmb:\s*0+$' '^NoNewPrivs:\s*1$' \
        '^Uid:(\s+[1-9][0-9]*){4}$' '^Gid:(\s+[0-9]+){4}$'; do
        grep -qE "$line" <<<"$status" || { say "$1: nothing like $line in its status"; return 1; }
    done
}

# networks_are SERVICE NAME... - it is in these networks and no other
networks_are() {
    local service=$1 got
    shift
    got=$(inspected "$service" '{{range $name, $_ := .NetworkSettings.Networks}}{{println $name}}{{end}}' | sed '/^$/d' | sort | tr '\n' ' ')
    [[ $got == "$(printf "${PROJECT}_%s\n" "$@" | sort | tr '\n' ' ')" ]] || { say "$service is in $got"; return 1; }
}

networks_keep_apart() {
    [[ $(docker network inspect --format '{{.Internal}}' "${PROJECT}_metrics") == true ]] &&
        networks_are agent ingest && networks_are exporter ingest metrics && networks_are prometheus metrics edge
}

# refused CURL_ARGUMENTS... - answered, and with a status of 400 or more
refused() {
    local status
    status=$(curl --silent --max-time 5 --output /dev/null --write-out '%{http_code}' "$@")
    ((status >= 400)) || { say "$* is answered with $status"; return 1; }
}

prometheus_cannot_be_changed() {
    local prometheus
    prometheus=http://$(address_of prometheus 9090)
    refused --request POST "$prometheus/api/v1/admin/tsdb/delete_series?match[]=up" &&
        refused --request POST "$prometheus/api/v1/admin/tsdb/snapshot" &&
        refused --request PUT "$prometheus/api/v1/admin/tsdb/clean_tombstones" &&
        refused --request POST "$prometheus/-/quit" && refused --request PUT "$prometheus/-/reload" &&
        refused --request POST --data-binary x "$prometheus/api/v1/write" &&
        refused --request POST --data-binary x "$prometheus/api/v1/otlp/v1/metrics"
}

# Without a password of the user's there is no account: what Grafana is told, by its file and its variables.
grafana_setting() { awk -v section="[$1]" -v key="$2" '/^\[/ { here = $0 } here == section && $1 == key { print $3 }' grafana/grafana.ini; }

grafana_has_no_default_password() {
    local variables
    variables=$(GRAFANA_ADMIN_PASSWORD='' COMPOSE_FILE=docker-compose.yml docker compose config grafana)
    grep -qE '^ +GF_SECURITY_ADMIN_PASSWORD: ""$' <<<"$variables" &&
        grep -qE '^ +GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION: ""$' <<<"$variables" &&
        [[ $(grafana_setting security disable_initial_admin_creation) == true ]] &&
        [[ $(grafana_setting auth disable_login_form) == true ]] &&
        [[ $(grafana_setting auth.anonymous org_role) == Viewer ]] &&
        [[ $(grafana_setting users allow_sign_up) == false ]] || return 1
    if services | grep -qx grafana; then
        refused --user admin:admin "http://$(address_of grafana 3000)/api/org/users" &&
            refused "http://$(address_of grafana 3000)/api/org/users"
    fi
}

published_on_loopback_only() {
    local ports
    ports=$(docker ps --filter "label=com.docker.compose.project=$PROJECT" --format '{{.Ports}}')
    [[ $ports == *127.0.0.1:* ]] && ! grep -E '(0\.0\.0\.0|\[?::\]?):[0-9]+->' <<<"$ports" >&2
}
