# The stack with docker-compose.tls.yml; sourced by test-stack, whose stack it takes over.
# shellcheck shell=bash disable=SC2154  # PATIENCE, PROJECT and the like are test-stack's

# Goes over to the overlay, with certificates and tokens of its own.
enter_tls() {
    CERTIFICATES=$(mktemp -d)
    export CERTIFICATES
    COMPOSE_FILE+=:docker-compose.tls.yml
    make_certificates
}

make_certificates() { scripts/make-certificates --directory "$CERTIFICATES" >/dev/null 2>&1; }

secret() { cat "$CERTIFICATES/ca/$1"; }

# answers_without_token STATUS PATH - over TLS, with the CA alone
answers_without_token() {
    local status
    status=$(curl --silent --max-time 5 --cacert "$CERTIFICATES/ca/ca.pem" --output /dev/null --write-out '%{http_code}' \
        "https://$(address_of exporter 8000)$2")
    [[ $status == "$1" ]] || { say "$2 is answered with $status"; return 1; }
}

http_is_not_plain() { ! fetch "http://$(address_of exporter 8000)/-/healthy" >/dev/null 2>&1; }

# serial - of the certificate that agents see; nothing unless this machine trusts it by the CA
serial() {
    openssl s_client -connect "$(address_of exporter 8443)" -servername exporter -verify_hostname exporter \
        -verify_return_error -CAfile "$CERTIFICATES/ca/ca.pem" </dev/null 2>/dev/null | openssl x509 -noout -serial 2>/dev/null
}

older_tls_is_refused() {
    ! openssl s_client -connect "$(address_of exporter 8443)" -tls1_2 -CAfile "$CERTIFICATES/ca/ca.pem" </dev/null >/dev/null 2>&1
}

# an_agent_says TEXT VARIABLE... - an agent of its own, in the agents' network, that sees the directory $STRANGER as
# its certificates, comes to say TEXT in its log
an_agent_says() {
    local text=$1 name=$PROJECT-stranger variable options=()
    shift
    for variable in "$@"; do options+=(--env "$variable"); done
    docker run --detach --name "$name" --network "${PROJECT}_ingest" --volume "$STRANGER:/certificates:ro" \
        --env AGENT_NAME=stranger --env AGENT_EXPORTERS=exporter:8443 --env AGENT_TLS=true \
        --env AGENT_TLS_CA_FILE=/certificates/ca.pem --env AGENT_TOKEN_FILE=/certificates/token \
        "${options[@]}" "$(image agent)" >/dev/null
    local status=0
    within 20 stranger_has_said "$name" "$text" || { status=1; docker logs "$name" >&2; }
    docker rm --force "$name" >/dev/null
    return $status
}

stranger_has_said() {
    local log
    log=$(docker logs "$1" 2>&1)
    grep -qF -- "$2" <<<"$log"
}

# stranger_with TOKEN CA - what $STRANGER holds from here on
stranger_with() {
    STRANGER=$CERTIFICATES/stranger
    mkdir -p "$STRANGER"
    printf '%s\n' "$1" >"$STRANGER/token"
    cp "$2" "$STRANGER/ca.pem"
    chmod 0444 "$STRANGER"/*
}

own_token() { docker run --rm --volume "$CERTIFICATES/exporter:/certificates:ro" --env EXPORTER_TOKEN_FILE=/certificates/token "$(image exporter)" token "$1"; }

with_a_token_of_its_own() {
    local token
    token=$(own_token stranger) && [[ $token =~ ^[0-9a-f]{64}$ ]] && stranger_with "$token" "$CERTIFICATES/ca/ca.pem" &&
        an_agent_says "an exporter takes the samples"
}

with_anothers_token() {
    stranger_with "$(own_token web-1)" "$CERTIFICATES/ca/ca.pem" && an_agent_says "the token is missing or wrong" &&
        exporter_shows '^cpumon_exporter_rejected_connections_total\{reason="auth"\} [1-9]'
}

with_another_ca() {
    scripts/make-certificates --directory "$CERTIFICATES/other" >/dev/null 2>&1
    stranger_with "$(secret token)" "$CERTIFICATES/other/ca/ca.pem"
    an_agent_says "invalid peer certificate"
}

without_tls() {
    stranger_with "$(secret token)" "$CERTIFICATES/ca/ca.pem"
    an_agent_says "Connection refused" AGENT_EXPORTERS=exporter:8080 AGENT_TLS= AGENT_TLS_CA_FILE=
}

serial_is_not() { local now; now=$(serial) && [[ -n $now && $now != "$1" ]]; }

takes_a_new_certificate() {
    local before started
    before=$(serial) && started=$(docker inspect --format '{{.State.StartedAt}}' "$(container exporter)")
    make_certificates && within 20 serial_is_not "$before" &&
        [[ $(docker inspect --format '{{.State.StartedAt}}' "$(container exporter)") == "$started" ]] &&
        exporter_shows '^cpumon_agent_connections_total\{agent="agent-1"\} 1$'
}

has_complained() { local log; log=$(docker compose logs --no-color exporter) && [[ $log == *"the certificates in use stay"* ]]; }

keeps_the_old_one_when_the_new_is_broken() {
    local before
    before=$(serial) && rm -f "$CERTIFICATES/exporter/exporter.pem" && echo broken >"$CERTIFICATES/exporter/exporter.pem" &&
        within 20 has_complained && [[ $(serial) == "$before" ]] && docker exec "$(container exporter)" /usr/local/bin/cpumon-exporter healthcheck &&
        make_certificates && within 20 serial_is_not "$before"
}

# Where a secret could be read by who may look at containers, images and logs, but not into the directory of secrets.
places_of_secrets() {
    local service container
    docker compose ps --all --quiet | xargs docker inspect
    docker compose logs --no-color
    fetch "http://$(address_of prometheus 9090)/api/v1/status/config"
    fetch "http://$(address_of prometheus 9090)/api/v1/targets"
    exporter_metrics
    for service in exporter agent; do
        docker history --no-trunc "$(image "$service")"
        docker save "$(image "$service")"
        container=$(container "$service")
        docker run --rm --network none --user 65532:65532 --pid "container:$container" \
            --entrypoint /bin/cat "$(image prometheus)" /proc/1/cmdline /proc/1/environ
    done
}

# That it would be found is shown by a word that is there.
no_secret_is_to_be_seen() {
    local places name found=1
    places=$(mktemp)
    places_of_secrets >"$places"
    grep -qa EXPORTER_TOKEN_FILE=/certificates/token "$places" && grep -qa cpumon_exporter_build_info "$places" || found=2
    for name in token http-token; do
        if grep -qaF "$(secret "$name")" "$places"; then say "$name is to be seen"; found=0; fi
    done
    if grep -qaF "$(sed -n 2p "$CERTIFICATES/exporter/exporter.key")" "$places"; then say "the key is to be seen"; found=0; fi
    rm -f "$places"
    ((found == 1))
}

is_safe_over_tls() {
    check "over TLS: two agents, everything becomes healthy" bring_up 2
    check "over TLS: Prometheus has both agents" within "$PATIENCE" prometheus_says 'count(max by (agent) (cpumon_agent_up) == 1)' 2
    check "over TLS: the smoke test passes" scripts/smoke
    check "over TLS: without the token no metrics" answers_without_token 401 /metrics
    check "over TLS: health is for everybody" answers_without_token 200 /-/healthy
    check "over TLS: HTTP is not answered without TLS" http_is_not_plain
    check "over TLS: TLS 1.2 is refused" older_tls_is_refused
    check "over TLS: no agent comes in without TLS" without_tls
    check "over TLS: an agent that trusts another CA does not come in" with_another_ca
    check "over TLS: another agent's token is refused" with_anothers_token
    check "over TLS: an agent comes in with a token of its own" with_a_token_of_its_own
    check "over TLS: a new certificate is taken while it runs" takes_a_new_certificate
    check "over TLS: a broken one is not" keeps_the_old_one_when_the_new_is_broken
    check "no secret is in containers' settings, images, logs, arguments, environments or metrics" no_secret_is_to_be_seen
}

leave_tls() { [[ -z ${CERTIFICATES-} ]] || rm -rf "$CERTIFICATES"; }
