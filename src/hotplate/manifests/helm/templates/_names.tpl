{{- define "hotplate.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "hotplate.postgresql" -}}
{{- printf "%s-postgresql" (include "hotplate.name" .) -}}
{{- end -}}

{{- define "hotplate.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "hotplate.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: hotplate
{{- end -}}

{{- define "hotplate.container" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop:
    - ALL
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{/* The Secret and key that hold the URL of the store; nothing where there is none. */}}
{{- define "hotplate.store" -}}
{{- if .Values.postgresql.enabled -}}
{{- dict "name" (include "hotplate.postgresql" .) "key" "url" | toJson -}}
{{- else if .Values.postgresql.external.secret -}}
{{- dict "name" .Values.postgresql.external.secret "key" .Values.postgresql.external.key | toJson -}}
{{- end -}}
{{- end -}}
