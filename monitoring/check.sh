#!/usr/bin/env bash
# Whether Prometheus takes the alert rules, their tests hold, and every expression of the dashboard is one.
# Needs promtool (package prometheus) and jq.
set -euo pipefail
cd "$(dirname "$0")"

promtool check rules alerts.yaml
promtool test rules alerts.test.yaml
promtool check config --syntax-only prometheus.example.yaml

# Grafana puts in what it has chosen; promtool reads expressions of rules.
rules=$(mktemp --suffix=.json)
trap 'rm -f "$rules"' EXIT
jq '[.panels[].targets[].expr | gsub("\\$__rate_interval"; "5m") | gsub("\\$instance"; ".*")]
    | {groups: [{name: "dashboard", rules: (to_entries | map({record: "panel_\(.key)", expr: .value}))}]}' \
    grafana-dashboard.json >"$rules"
promtool check rules --lint=none "$rules"
