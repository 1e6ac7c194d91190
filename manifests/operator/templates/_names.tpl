{{- define "operator.selector" -}}
app.kubernetes.io/name: taskora-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "operator.labels" -}}
{{ include "operator.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: taskora
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}
