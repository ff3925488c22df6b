{{- define "lockkeeper.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "lockkeeper.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "lockkeeper.labels" -}}
{{ include "lockkeeper.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "lockkeeper.image" -}}
{{- if .Values.image.digest }}{{ .Values.image.repository }}@{{ .Values.image.digest }}{{ else }}{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{/* lockkeeper.yaml: what the operator wrote, with the addresses that the pod needs. */}}
{{- define "lockkeeper.config" -}}
{{- $fixed := dict
  "server" (dict "host" "0.0.0.0" "port" 8080)
  "admin" (dict "host" "0.0.0.0" "port" 8081)
  "data" "/var/lib/lockkeeper" -}}
{{- toYaml (mergeOverwrite (deepCopy .Values.config) $fixed) }}
{{- end }}

{{- define "lockkeeper.check" -}}
{{- $several := or (gt (int .Values.replicas) 1) .Values.autoscaling.enabled -}}
{{- if and $several (not .Values.separateReplicas) -}}
{{- fail "replicas, autoscaling: several replicas have each their own keys and objects. Keep one replica, or set separateReplicas=true if that is what you want." -}}
{{- end -}}
{{- if and $several .Values.persistence.existingClaim -}}
{{- fail "persistence.existingClaim: one claim serves one replica; leave it empty, and each replica gets a volume of its own." -}}
{{- end -}}
{{- end }}

{{/* A duration of the configuration in whole seconds, rounded up: 250ms, 30s, 10m, 1h. */}}
{{- define "lockkeeper.seconds" -}}
{{- $number := int64 (regexFind "^[0-9]+" .) -}}
{{- if hasSuffix "ms" . }}{{ div (add $number 999) 1000 }}{{ else if hasSuffix "s" . }}{{ $number }}{{ else if hasSuffix "m" . }}{{ mul $number 60 }}{{ else }}{{ mul $number 3600 }}{{ end }}
{{- end }}

{{/* From SIGTERM to SIGKILL. */}}
{{- define "lockkeeper.stop" -}}
{{- $server := .Values.config.server | default dict -}}
{{- $delay := include "lockkeeper.seconds" (index $server "drain-delay" | default "1s") -}}
{{- $drain := include "lockkeeper.seconds" (index $server "drain" | default "30s") -}}
{{- add $delay $drain .Values.stopSlackSeconds }}
{{- end }}
