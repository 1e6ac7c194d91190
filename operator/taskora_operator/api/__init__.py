"""The custom resource as users write it and read it back: `spec`, `status`, and the CRD generated from both."""

GROUP = "taskora.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
KIND = "TaskoraDeployment"
PLURAL = "taskoradeployments"
