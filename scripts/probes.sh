# Questions to a running stack; sourced after lib.sh. Each asks anew and answers by its exit status.
# shellcheck shell=bash

fetch() { curl --silent --show-error --fail --max-time 5 "$@"; }

is_over_tls() { [[ $(setting COMPOSE_FILE) == *docker-compose.tls.yml* ]]; }

# With docker-compose.tls.yml the exporter is asked as Prometheus asks it.
exporter_metrics() {
    local address secrets
    address=$(address_of exporter 8000) || return 1
    if ! is_over_tls; then
        fetch "http://$address/metrics"
        return
    fi
    secrets=$(setting CERTIFICATES)
    secrets=${secrets:-certificates}/prometheus
    fetch --cacert "$secrets/ca.pem" --header @<(printf 'Authorization: Bearer %s' "$(<"$secrets/http-token")") \
        "https://$address/metrics"
}

# Answers are taken whole before they are searched: a search that ends early would end curl with an
# error, and an answer that failed must not pass for one in which nothing was found.

# exporter_shows REGEX
exporter_shows() {
    local metrics
    metrics=$(exporter_metrics) && grep -qE "$1" <<<"$metrics"
}

# exporter_lacks REGEX - it answers, with metrics, and none is like that
exporter_lacks() {
    local metrics
    metrics=$(exporter_metrics) && [[ -n $metrics ]] && ! grep -qE "$1" <<<"$metrics"
}

agents_up() {
    local metrics
    metrics=$(exporter_metrics) || return 1
    grep -cE '^cpumon_agent_up\{.*\} 1$' <<<"$metrics" || true # none is an answer too
}

agents_up_at_least() {
    local up
    up=$(agents_up) && ((up >= $1))
}

# prometheus_value QUERY [PARAMETER=VALUE...] - the one value of an instant query's answer, if it has one
prometheus_value() {
    local query=$1 parameters=()
    shift
    for parameter in "$@"; do parameters+=(--data-urlencode "$parameter"); done
    fetch --get "http://$(address_of prometheus 9090)/api/v1/query" \
        --data-urlencode "query=$query" "${parameters[@]}" |
        sed -n 's/.*"result":\[{[^[]*"value":\[[^,]*,"\([^"]*\)"\]}\].*/\1/p'
}

# prometheus_says QUERY VALUE
prometheus_says() { [[ $(prometheus_value "$1") == "$2" ]]; }

# prometheus_has_nothing QUERY - it answers, and the answer is empty
prometheus_has_nothing() {
    local answer
    answer=$(fetch --get "http://$(address_of prometheus 9090)/api/v1/query" --data-urlencode "query=$1") &&
        [[ $answer == *'"status":"success"'*'"result":[]'* ]]
}

# As a viewer who has not logged in, through the datasource that the dashboards use.
grafana_answers() {
    local answer
    answer=$(fetch "http://$(address_of grafana 3000)/api/datasources/proxy/uid/prometheus/api/v1/query?query=up") &&
        [[ $answer == *'"status":"success"'* ]]
}
